// The module `embedded:provider/builtin` of this firmware: nothing. The SDK's own for nodemcu names every IO class, and
// each of them would be linked; the firmware imports those that it uses.

export default Object.freeze({});
