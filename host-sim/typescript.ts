// How TypeScript becomes the JavaScript of the firmware, the same wherever that is done here: as the `typescript` part
// of manifest.json has mcconfig do it.

/** For esbuild's `tsconfigRaw`. */
export const firmwareTypeScript = Object.freeze({
  compilerOptions: Object.freeze({
    target: "es2025",
    verbatimModuleSyntax: true,
    // Fields are set by the constructor, and so take no function of their own that sets them: on the chip that is
    // byte code, and an object for each class.
    useDefineForClassFields: false,
  } as const),
});
