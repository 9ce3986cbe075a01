/* A subscriber for alerts with Paho C: one line per press, each press once, whatever happens to the connection.
 * apt-get install gcc libc6-dev libpaho-mqtt-dev libcjson-dev, then:
 * gcc -o paho-c paho-c.c -lpaho-mqtt3c -lcjson && ./paho-c tcp://localhost:1883 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <MQTTClient.h>
#include <cjson/cJSON.h>

#define SEEN 1000
static char seen[SEEN][64];
static int next;

static int is_new(const char *id) {
  for (int i = 0; i < SEEN; i += 1)
    if (strncmp(seen[i], id, sizeof seen[i] - 1) == 0) return 0;
  snprintf(seen[next], sizeof seen[next], "%s", id);
  next = (next + 1) % SEEN;
  return 1;
}

static void heard(const char *topic, const char *payload, int length) {
  cJSON *alert = cJSON_ParseWithLength(payload, length);
  cJSON *pushes = cJSON_GetObjectItem(alert, "pushes");
  const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(alert, "id"));
  const char *event = cJSON_GetStringValue(cJSON_GetObjectItem(alert, "event"));
  if (cJSON_IsObject(alert) && (id == NULL || is_new(id)))
    printf("%s #%d %s from %s\n", event ? event : "press", pushes ? pushes->valueint : 0, id ? id : "", topic);
  cJSON_Delete(alert);
}

int main(int count, char **words) {
  const char *url = count > 1 ? words[1] : "tcp://localhost:1883";
  const char *filter = count > 2 ? words[2] : "mresetar/alertbox/+/alert";
  MQTTClient client;
  MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
  options.cleansession = 0; /* With a name of its own: the broker keeps alerts while this program is away. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (MQTTClient_create(&client, url, "alert-subscriber-c", MQTTCLIENT_PERSISTENCE_NONE, NULL) != 0) return 1;
  for (;; sleep(2)) {
    int code = MQTTClient_connect(client, &options);
    if (code == 0) code = MQTTClient_subscribe(client, filter, 2);
    if (code == 0) fprintf(stderr, "subscribed to %s\n", filter);
    else fprintf(stderr, "not connected to %s, or not subscribed (%d); trying again\n", url, code);
    while (MQTTClient_isConnected(client)) {
      char *topic = NULL;
      int length = 0;
      MQTTClient_message *message = NULL;
      MQTTClient_receive(client, &topic, &length, &message, 1000);
      if (message == NULL) continue;
      heard(topic, message->payload, message->payloadlen);
      MQTTClient_freeMessage(&message);
      MQTTClient_free(topic);
    }
  }
}
