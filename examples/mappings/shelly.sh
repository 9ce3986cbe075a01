#!/bin/sh
# An alert as a Shelly Button1 of the first generation says it. For `alertbox listen`, which gives the alert in the
# environment; the words behind this file go to mosquitto_pub: where the broker is.
#   npx alertbox listen --broker mqtt://broker --session shelly -- sh examples/mappings/shelly.sh -h broker
# A Shelly is named by its MAC address, of which a chip id is the end; SHELLY_ID=E8DB84ACF3CD gives one instead.

case "$ALERTBOX_EVENT" in
  double) event=SS ;;
  long) event=L ;;
  *) event=S ;;
esac
id=${SHELLY_ID:-$(printf '%012X' "${ALERTBOX_CHIPID:-0}")}
exec mosquitto_pub "$@" -t "shellies/shellybutton1-$id/input_event/0" \
  -m "{\"event\":\"$event\",\"event_cnt\":${ALERTBOX_PUSHES:-0}}"
