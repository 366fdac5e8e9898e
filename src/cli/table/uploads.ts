import { type Command, defineCommand } from '../command.ts'
import { uploadBlobFlags, uploadWasmFlags } from '../flags/contents/uploads.ts'

/** Putting files into a registry as artifacts. */
export const uploadCommands: readonly Command[] = [
  defineCommand({
    name: 'upload blob',
    group: 'Moving images',
    summary: 'Upload files to a registry',
    description: 'Of one file the name by digest is printed, which is what to sign. Several make an index, each for a platform of its own.',
    examples: [
      { what: 'a file', line: 'upload blob -f report.pdf IMAGE' },
      { what: 'a program for two systems', line: 'upload blob -f tool-linux:linux/amd64 -f tool-mac:darwin/arm64 IMAGE' },
      {
        what: 'with a media type and an annotation',
        line: 'upload blob -f rules.bin --ct application/vnd.example.rules -a version=3 IMAGE',
      },
    ],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: uploadBlobFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/uploads/upload-blob.ts')).uploadBlobs,
  }),
  defineCommand({
    name: 'upload wasm',
    group: 'Moving images',
    summary: 'Upload a WebAssembly module to a registry',
    examples: [{ what: 'a module', line: 'upload wasm -f module.wasm IMAGE' }],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: uploadWasmFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/uploads/upload-wasm.ts')).uploadWasm,
  }),
]
