// mqtt-packet as the tests import it, told not to make a Buffer of every number up to 65,535 beforehand: here that
// takes minutes.

import mqttPacket from "mqtt-packet";

mqttPacket.writeToStream.cacheNumbers = false;

export default mqttPacket;
