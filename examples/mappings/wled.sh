#!/bin/sh
# An alert as a button of WLED says it. For `alertbox listen`, which gives the alert in the environment; the words behind
# this file go to mosquitto_pub: where the broker is.
#   npx alertbox listen --broker mqtt://broker --session wled -- sh examples/mappings/wled.sh -h broker
# WLED_TOPIC=wled/hall gives another device topic.

case "$ALERTBOX_EVENT" in
  double | long) event=$ALERTBOX_EVENT ;;
  *) event=short ;;
esac
exec mosquitto_pub "$@" -t "${WLED_TOPIC:-wled/alertbox-${ALERTBOX_CHIPID:-0}}/button/0" -m "$event"
