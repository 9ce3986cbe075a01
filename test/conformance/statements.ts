// Every normative statement of MQTT 3.1.1 (OASIS Standard of 29 October 2014 with Errata 01 of 10 December 2015,
// Appendix B): its id, whom it binds, what it asks in words of our own, and where this client goes its own way, or why
// nothing is tested. Whom it binds is judged by the duty itself: a rule for what a server answers binds the server,
// however much a client relies on it. The standard decides, not this table. Knows nothing of the tests; table.ts brings
// the two together.

export interface Statement {
  /** The number in [MQTT-…]. */
  readonly id: string;
  readonly binds: "client" | "server" | "both";
  readonly rule: string;
  /** What this client decides where the rule leaves room, what it restricts and why; or why there is no test. */
  readonly note: string;
}

function client(id: string, rule: string, note = ""): Statement {
  return { id, binds: "client", rule, note };
}

function both(id: string, rule: string, note = ""): Statement {
  return { id, binds: "both", rule, note };
}

function server(id: string, rule: string, note = ""): Statement {
  return { id, binds: "server", rule, note };
}

const INSIDE = "It happens inside the server; nothing that a client sends or gets shows it.";

export const STATEMENTS: readonly Statement[] = Object.freeze([
  // Chapter 1: text.
  both(
    "1.5.3-1",
    "Text is well-formed UTF-8 without surrogates; whoever gets ill-formed text closes the connection.",
    "Control characters, which should not be sent, are sent and taken: the standard leaves it open. Of a topic that is " +
      "longer than the budget only what is handed over is looked at: the rest has no place in RAM, and goes to nobody.",
  ),
  both("1.5.3-2", "Text never holds U+0000; whoever gets one closes the connection."),
  both("1.5.3-3", "EF BB BF is U+FEFF wherever it stands in a text, and stays."),

  // Chapter 2: fixed header, packet ids.
  both("2.2.2-1", "Reserved flags of the fixed header have the value that the table gives for the packet type."),
  both("2.2.2-2", "Whoever gets other flags closes the connection."),
  both(
    "2.3.1-1",
    "SUBSCRIBE, UNSUBSCRIBE and PUBLISH with QoS above 0 carry an id of 16 bits that is not 0.",
    "The options `firstId` and `lastId` narrow the range from which the client picks; the caller's own may lie outside.",
  ),
  client("2.3.1-2", "A new one of these packets takes an id that is not in use."),
  client(
    "2.3.1-3",
    "What is sent again keeps its id, which is free again after PUBACK, PUBCOMP, SUBACK or UNSUBACK, and not before.",
  ),
  server("2.3.1-4", "The server's own PUBLISH with QoS above 0 follows the same two rules."),
  both("2.3.1-5", "PUBLISH with QoS 0 has no id."),
  both("2.3.1-6", "PUBACK, PUBREC and PUBREL carry the id of the PUBLISH that they belong to."),
  server("2.3.1-7", "SUBACK and UNSUBACK carry the id of their request."),

  // §3.1 CONNECT.
  client("3.1.0-1", "CONNECT is the first packet on a connection."),
  server("3.1.0-2", "A second CONNECT on a connection is a violation, for which the server closes it."),
  server("3.1.2-1", "The server may refuse another protocol name, but must not go on by this standard."),
  server("3.1.2-2", "The server answers a protocol level that it does not know with code 1 and closes."),
  server("3.1.2-3", "The server closes when CONNECT's reserved flag is not 0."),
  both(
    "3.1.2-4",
    "Clean session 0: the server resumes the session of this client id or makes one; both keep it after the connection.",
    "How long is the owner's choice: in RAM as long as the session object lives, with a journal over a loss of power.",
  ),
  server("3.1.2-5", "The server keeps QoS 1 and 2 messages for the subscriptions of a session that is not connected."),
  both(
    "3.1.2-6",
    "Clean session 1: both drop the old session and begin one that lasts as long as the connection and is not reused.",
    "Messages that a persistent session has left go as new ones, with DUP 0, when a clean connection comes after it.",
  ),
  server("3.1.2-7", "Retained messages are no part of a session and outlive it.", INSIDE),
  server("3.1.2-8", "The server keeps the will and publishes it when the connection ends without DISCONNECT."),
  client("3.1.2-9", "Will flag 1: CONNECT has the will's topic and message, and its QoS and retain are used."),
  server("3.1.2-10", "The server forgets the will after it was published, or after DISCONNECT.", INSIDE),
  client("3.1.2-11", "Will flag 0: will QoS and will retain are 0, and CONNECT has no field of a will."),
  server("3.1.2-12", "Will flag 0: no will is published."),
  client("3.1.2-13", "Will flag 0: will QoS is 0.", "The options of a will are one object; without it there are none."),
  client("3.1.2-14", "Will QoS is 0, 1 or 2."),
  client("3.1.2-15", "Will flag 0: will retain is 0."),
  server("3.1.2-16", "Will retain 0: the will is published as a message that is not retained."),
  server("3.1.2-17", "Will retain 1: the will is published as a retained message."),
  client("3.1.2-18", "User name flag 0: there is no user name."),
  client("3.1.2-19", "User name flag 1: there is a user name."),
  client("3.1.2-20", "Password flag 0: there is no password."),
  client("3.1.2-21", "Password flag 1: there is a password."),
  client("3.1.2-22", "User name flag 0: the password flag is 0.", "A password without a user name is refused."),
  client(
    "3.1.2-23",
    "A client with a keep alive never lets it pass without sending a packet; it has PINGREQ for that.",
    "PINGREQ leaves up to 2 s, or a quarter of the keep alive, before it must, and also when nothing has come in.",
  ),
  server("3.1.2-24", "The server ends a connection on which it heard nothing for one and a half times the keep alive."),
  client("3.1.3-1", "CONNECT's payload has client id, will topic, will message, user name and password in this order."),
  both("3.1.3-2", "The client id names the session on both sides."),
  client("3.1.3-3", "The client id is always there, as the first field of the payload."),
  client("3.1.3-4", "The client id is well-formed UTF-8."),
  server("3.1.3-5", "The server takes client ids of 1 to 23 letters and digits; it may take others."),
  server("3.1.3-6", "The server may take an empty client id, and then invents one."),
  client("3.1.3-7", "A client with an empty id asks for a clean session."),
  server("3.1.3-8", "The server refuses an empty id without clean session by code 2 and closes."),
  server("3.1.3-9", "The server refuses an id that it does not like by code 2 and closes."),
  client("3.1.3-10", "The will topic is well-formed UTF-8."),
  client("3.1.3-11", "The user name is well-formed UTF-8."),
  server("3.1.4-1", "The server checks CONNECT and closes without CONNACK when it breaks the standard."),
  server("3.1.4-2", "The server ends an older connection of the same client id."),
  server("3.1.4-3", "The server deals with clean session as its rules say.", "Seen in CONNACK: 3.2.2-1 to 3.2.2-3."),
  server("3.1.4-4", "The server answers a CONNECT that it accepts with CONNACK code 0."),
  server("3.1.4-5", "After a refusal the server looks at nothing that followed CONNECT."),

  // §3.2 CONNACK.
  server("3.2.0-1", "CONNACK is the first packet from the server."),
  server("3.2.2-1", "Clean session 1 accepted: Session Present is 0."),
  server("3.2.2-2", "Clean session 0 accepted: Session Present is 1 when the server has the session."),
  server(
    "3.2.2-3",
    "Clean session 0 accepted: Session Present is 0 when the server has none.",
    "What had PUBREC counts as delivered; the rest goes under its id with DUP 0; inbound ids are forgotten.",
  ),
  server("3.2.2-4", "Another code than 0: Session Present is 0."),
  server("3.2.2-5", "Another code than 0: the server closes."),
  server("3.2.2-6", "When no code fits, the server closes without CONNACK."),

  // §3.3 to §3.7 PUBLISH and its acknowledgements.
  both(
    "3.3.1-1",
    "DUP is 1 whenever a PUBLISH is sent again.",
    "Also when only a part of it had left before. A server that says it has no session gets a new message: DUP 0.",
  ),
  both("3.3.1-2", "DUP is 0 for QoS 0.", "This client closes when it is not."),
  server("3.3.1-3", "DUP of what the server sends on says only whether the server itself sends it again."),
  both("3.3.1-4", "QoS 3 does not exist; whoever gets it closes the connection."),
  server("3.3.1-5", "The server keeps a message with RETAIN 1, and its QoS, for who subscribes later."),
  server("3.3.1-6", "A new subscription is sent the last kept message of each topic that matches."),
  server(
    "3.3.1-7",
    "A kept message of QoS 0 takes the place of the one before, and may be dropped at any time.",
    INSIDE,
  ),
  server("3.3.1-8", "The server sets RETAIN when it sends a message because of a new subscription."),
  server("3.3.1-9", "The server clears RETAIN when it sends a message to who is subscribed already."),
  server("3.3.1-10", "A message of no bytes with RETAIN 1 is sent on as usual and removes the kept one."),
  server("3.3.1-11", "A message of no bytes is not kept.", INSIDE),
  server("3.3.1-12", "A message with RETAIN 0 leaves what is kept alone.", INSIDE),
  both("3.3.2-1", "The topic is the first field of PUBLISH's variable header, and UTF-8."),
  both("3.3.2-2", "The topic of PUBLISH has no wildcard."),
  server(
    "3.3.2-3",
    "The server sends only what matches a subscription, unless it is told to do otherwise.",
    "A client must acknowledge what it gets in any case: 4.5.0-2.",
  ),
  both("3.3.4-1", "A message is answered by its QoS: with nothing, PUBACK or PUBREC."),
  server(
    "3.3.5-1",
    "What matches several filters of a client is sent at the highest QoS among them, once or more often.",
  ),
  server("3.3.5-2", "A message that its sender may not publish is acknowledged as any other, or the server closes."),
  both("3.6.1-1", "PUBREL has the flags 0010; the server closes on others."),

  // §3.8 to §3.11 SUBSCRIBE, UNSUBSCRIBE and their answers.
  both("3.8.1-1", "SUBSCRIBE has the flags 0010; the server closes on others."),
  client("3.8.3-1", "Topic filters in SUBSCRIBE are well-formed UTF-8."),
  server("3.8.3-2", "A server without wildcards refuses filters that have some."),
  client(
    "3.8.3-3",
    "SUBSCRIBE has at least one filter with its QoS.",
    "At most 62, so that the longest SUBACK fits into the smallest buffer; more go into another SUBSCRIBE.",
  ),
  server("3.8.3-4", "The server closes when the byte of a requested QoS is another than 0, 1 or 2."),
  server("3.8.4-1", "The server answers SUBSCRIBE with SUBACK."),
  server("3.8.4-2", "SUBACK has the id of its SUBSCRIBE."),
  server(
    "3.8.4-3",
    "The same filter again replaces the subscription, and what is kept is sent again.",
    "This client keeps no list of subscriptions; the application renews them.",
  ),
  server("3.8.4-4", "Several filters in one SUBSCRIBE are several SUBSCRIBEs with one answer."),
  server("3.8.4-5", "SUBACK has one code for each filter."),
  server("3.8.4-6", "The server may grant a lower QoS, and then sends at that."),
  server("3.9.3-1", "SUBACK's codes stand in the order of the filters."),
  server("3.9.3-2", "SUBACK has no codes but 00, 01, 02 and 80."),
  both("3.10.1-1", "UNSUBSCRIBE has the flags 0010; the server closes on others."),
  client("3.10.3-1", "Topic filters in UNSUBSCRIBE are well-formed UTF-8, one behind the other."),
  client("3.10.3-2", "UNSUBSCRIBE has at least one filter."),
  server("3.10.4-1", "The server compares filters letter by letter, and removes the one that is equal."),
  server("3.10.4-2", "After UNSUBSCRIBE the server adds no new messages for it."),
  server("3.10.4-3", "After UNSUBSCRIBE the server finishes the QoS 1 and 2 messages that it has begun to send."),
  server("3.10.4-4", "The server answers UNSUBSCRIBE with UNSUBACK of the same id."),
  server("3.10.4-5", "The server answers also when no subscription was removed."),
  server("3.10.4-6", "Several filters in one UNSUBSCRIBE are several UNSUBSCRIBEs with one answer."),

  // §3.12 to §3.14 PINGREQ and DISCONNECT.
  server("3.12.4-1", "The server answers PINGREQ with PINGRESP."),
  server("3.14.1-1", "The server closes when DISCONNECT has flags."),
  client(
    "3.14.4-1",
    "After DISCONNECT the client closes the connection.",
    "It gives TCP up to a second to get DISCONNECT acknowledged: what was not sent yet is lost with a closed socket.",
  ),
  client("3.14.4-2", "After DISCONNECT the client sends nothing more on the connection."),
  server("3.14.4-3", "After DISCONNECT the server drops the will without publishing it."),

  // Chapter 4.
  both("4.1.0-1", "Both sides keep the state of a session as long as the session lasts."),
  both("4.1.0-2", "A session lasts at least as long as its connection."),
  both(
    "4.3.1-1",
    "QoS 0 is sent with QoS 0 and DUP 0.",
    "A message of which a part had left is not sent again either.",
  ),
  both("4.3.2-1", "QoS 1 is sent under a new id with DUP 0, and is unacknowledged until PUBACK of that id."),
  both("4.3.2-2", "Who gets QoS 1 answers with PUBACK after taking it over; then the same id is a new message."),
  both(
    "4.3.3-1",
    "QoS 2 is sent under a new id with DUP 0; PUBREC brings PUBREL, PUBCOMP ends it; no PUBLISH comes after PUBREL.",
  ),
  both(
    "4.3.3-2",
    "Who gets QoS 2 answers with PUBREC, hands it on once until PUBREL, answers that with PUBCOMP, then forgets the id.",
    "By method B: the message is handed over when it comes, and only its id is kept. PUBACK in place of PUBREC ends a " +
      "message of ours as delivered: some servers take QoS 2 for 1, and would get it again for ever.",
  ),
  both(
    "4.4.0-1",
    "After a reconnect with clean session 0 what is unacknowledged is sent again under its old id: PUBLISH and PUBREL.",
    "Only then: on a connection nothing is sent twice; a missing answer ends it. A server that says it has no session " +
      "gets no PUBREL, for it would belong to nothing there: 3.2.2-3.",
  ),
  server("4.5.0-1", "The server adds a message to the session of each client whose subscription matches.", INSIDE),
  client(
    "4.5.0-2",
    "A client acknowledges each message that it gets, also one that it does nothing with.",
    "One beyond the RAM budget is reported with its topic and first bytes, skipped and acknowledged.",
  ),
  client("4.6.0-1", "What is sent again goes in the order of the first time."),
  client("4.6.0-2", "PUBACKs are sent in the order in which their messages came."),
  client("4.6.0-3", "PUBRECs are sent in the order in which their messages came."),
  client("4.6.0-4", "PUBRELs are sent in the order in which the PUBRECs came."),
  server("4.6.0-5", "The server treats each topic as an ordered one unless it is told otherwise.", INSIDE),
  server("4.6.0-6", "The server keeps the order of messages on an ordered topic."),
  both("4.7.1-1", "Wildcards stand in filters, never in the topic of a message."),
  both("4.7.1-2", "# stands alone or behind /, and last."),
  both("4.7.1-3", "+ fills a whole level, whichever it is."),
  server("4.7.2-1", "A filter that begins with a wildcard matches no topic that begins with $."),
  both("4.7.3-1", "Topics and filters have at least one character."),
  both("4.7.3-2", "Topics and filters have no U+0000."),
  both("4.7.3-3", "Topics and filters have at most 65535 bytes."),
  server("4.7.3-4", "Comparing topics changes nothing in them: no normal form, no letter for another."),
  both("4.8.0-1", "Whoever sees a breach of the protocol closes the connection, unless a rule says otherwise."),
  both(
    "4.8.0-2",
    "Whoever cannot handle a packet for a passing reason closes the connection on which it came.",
    "A full table or buffer, a record that cannot be written. A message that is too large has its own way: 4.5.0-2.",
  ),

  // Chapters 6 and 7.
  both(
    "6.0.0-1",
    "Over WebSocket, packets travel in binary frames, and who gets others closes.",
    "Deliberately no WebSocket: brokers serve plain TCP, and one more layer of frames would take flash and RAM. A " +
      "socket class given by the application may speak it; what that gets from the client is bytes.",
  ),
  both("6.0.0-2", "A packet need not begin or end where a WebSocket frame does.", "Nor where a TCP segment does."),
  client(
    "6.0.0-3",
    "Over WebSocket, the client asks for the sub-protocol mqtt.",
    "Not over WebSocket: see 6.0.0-1. The test shows that no server is asked for one.",
  ),
  server("6.0.0-4", "Over WebSocket, the server answers with the sub-protocol mqtt.", "No WebSocket: see 6.0.0-1."),
  server("7.0.0-1", "A server that also connects to others conforms as a server and as a client.", INSIDE),
  both("7.0.0-2", "Nothing outside of the standard may be needed to work with others that conform."),
  server("7.1.1-1", "The server uses transports that carry bytes in order and without loss.", INSIDE),
  client("7.1.2-1", "The client uses transports that carry bytes in order and without loss."),
]);
