/* A subscriber on Paho C: says "ready" when the broker has granted its subscription, then one message as a line of
 * text: QoS, retain, topic and payload. With --version it says which library it runs on. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <MQTTClient.h>

static int failed(const char *what, int code) {
  fprintf(stderr, "%s: %d\n", what, code);
  return EXIT_FAILURE;
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "--version") == 0) {
    MQTTClient_nameValue *info = MQTTClient_getVersionInfo();
    for (; info->name != NULL; info += 1)
      if (strcmp(info->name, "Version") == 0) printf("%s\n", info->value);
    return EXIT_SUCCESS;
  }
  if (count != 3) return failed("give a URL and a topic filter", count);

  MQTTClient client;
  MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
  options.MQTTVersion = MQTTVERSION_3_1_1;
  options.cleansession = 1;
  int code = MQTTClient_create(&client, words[1], "subscriberC", MQTTCLIENT_PERSISTENCE_NONE, NULL);
  if (code != MQTTCLIENT_SUCCESS) return failed("create", code);
  code = MQTTClient_connect(client, &options);
  if (code != MQTTCLIENT_SUCCESS) return failed("connect", code);
  code = MQTTClient_subscribe(client, words[2], 2);
  if (code != MQTTCLIENT_SUCCESS) return failed("subscribe", code);
  printf("ready\n");
  fflush(stdout);

  char *topic = NULL;
  int topic_length = 0;
  MQTTClient_message *message = NULL;
  code = MQTTClient_receive(client, &topic, &topic_length, &message, 60000);
  if (message == NULL) return failed("receive", code);
  printf("%d %d %s %.*s\n", message->qos, message->retained, topic, message->payloadlen, (char *)message->payload);
  MQTTClient_freeMessage(&message);
  MQTTClient_free(topic);
  MQTTClient_disconnect(client, 1000);
  MQTTClient_destroy(&client);
  return EXIT_SUCCESS;
}
