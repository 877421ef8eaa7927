/**
 * What a JavaScript agent imports as `cordon/guest`. This code runs inside the sandbox: it knows its WIT imports and
 * nothing of the host. `buildAgent` bundles it into the component.
 */
export { environment, programArguments } from './env.ts'
export {
  FileError,
  listFolder,
  makeFolder,
  readBytes,
  readText,
  removeFile,
  statFile,
  writeBytes,
  writeText,
  type FileKind,
  type FileStat,
  type FolderEntry,
} from './files.ts'
export { SecretError, useSecret } from './secrets.ts'
export { callTool, listTools, ToolError, type ToolDescription } from './tools.ts'
