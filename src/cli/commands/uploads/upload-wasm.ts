import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { createFileArtifact } from '../../../oci/file-artifact.ts'
import { createDescriptor } from '../../../oci/manifest.ts'
import { formatReference } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import type { uploadWasmFlags } from '../../flags/contents/uploads.ts'
import { openRegistry } from '../../inputs/registry.ts'
import { readUploadFile } from '../../inputs/upload-file.ts'
import { parseTarget, tagOf } from './upload-blob.ts'

const configType = 'application/vnd.wasm.config.v1+json'
const layerType = 'application/vnd.wasm.content.layer.v1+wasm'

/** `upload wasm`: puts a WebAssembly module into a registry. cosign takes any file for one; this wants the module's magic number. */
export const uploadWasm: CommandFunction<typeof uploadWasmFlags> = async (context, flags, [name]) => {
  if (flags.file === '') throw new CountersignError('USAGE', 'want --file FILE, got none')
  const reference = parseTarget(name!)
  const client = await openRegistry(context, flags, [reference], { willPush: true })
  const file = await readUploadFile(context, flags.file)
  if (file.mediaType !== 'application/wasm')
    throw new CountersignError(
      'USAGE',
      `file ${quote(flags.file)}: want a WebAssembly module, got ${file.mediaType}; upload blob takes any file`,
    )
  context.stderr(`Uploading wasm file from [${flags.file}] to [${formatReference(reference)}].\n`)
  const layer = createDescriptor({ mediaType: layerType, size: file.size, digest: file.digest })
  const { descriptor, manifest, config } = createFileArtifact(layer, { configType })
  await client.pushBlob(reference, file, context.signal)
  if (config) await client.pushBlob(reference, config, context.signal)
  await client.pushManifest(reference, tagOf(reference), manifest, descriptor.mediaType, context.signal)
  return 0
}
