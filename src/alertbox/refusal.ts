// What a broker's refusal means to a person. Knows CONNACK codes only.

/**
 * What a CONNACK code means when no retry can heal it (MQTT 3.1.1 table 3.1), else "". Brokers such as Mosquitto answer
 * a wrong password with 5, so that code speaks of the password too when there is one.
 */
export function refusal(code: number, hasUser: boolean): string {
  switch (code) {
    case 1:
      return "refused: unacceptable protocol version";
    case 2:
      return "refused: client identifier rejected";
    case 4:
      return "refused: bad user name or password";
    case 5:
      return hasUser
        ? "refused: bad user name or password, or not authorized"
        : "refused: not authorized, and no user name is set";
    default:
      return "";
  }
}
