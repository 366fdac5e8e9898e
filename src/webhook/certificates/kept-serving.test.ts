import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { loadServing } from './kept-serving.ts'

const names = ['webhook.test']
const world = {
  now: () => new Date('2026-01-02T03:04:05Z'),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
}

function disk() {
  const [kept, written] = [new Map<string, string>(), [] as string[]]
  const files = {
    read: async (path: string) => encodeUtf8(kept.get(path)!),
    exists: async (path: string) => kept.has(path),
    write: async (path: string, data: string, { mode }: { mode: number }) => {
      kept.set(path, data)
      written.push(`${path} ${mode.toString(8)}`)
    },
    folder: (folder: string) => ({
      write: async (name: string, data: Parameters<Folder['write']>[1]) => {
        assert.ok(data instanceof Uint8Array)
        kept.set(`${folder}/${name}`, decodeUtf8(data, name))
        written.push(`${folder}/${name}`)
      },
    }),
  }
  return { kept, written, files }
}

test('a certificate is made once and kept; what clients are to trust lies beside it and is written first', async () => {
  const { kept, written, files } = disk()
  const first = await loadServing(files, 'tls', names, world)
  assert.deepEqual(await loadServing(files, 'tls', names, world), first)
  assert.deepEqual(written, ['tls/ca.crt', 'tls/serving.json 600'])
  const [leaf, authority] = [new X509Certificate(first.cert), new X509Certificate(kept.get('tls/ca.crt')!)]
  assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey))
  assert.doesNotMatch(kept.get('tls/ca.crt')!, /PRIVATE/)
})

for (const { name, alter, message } of [
  { name: 'no JSON', alter: () => '{', message: /not JSON/ },
  { name: 'an unknown member', alter: (text: string) => text.replace('"serving"', '"x":1,"serving"'), message: /unknown member "x"/ },
  { name: 'no authority', alter: (text: string) => JSON.stringify({ ...JSON.parse(text), authorities: [] }), message: /want one at least/ },
  {
    name: "another's key",
    alter: (text: string) => {
      const { authorities, serving } = JSON.parse(text)
      return JSON.stringify({ authorities, serving: { ...serving, key: authorities[0].key } })
    },
    message: /serving: want the key of the certificate, got another/,
  },
  {
    name: 'a key where a certificate belongs',
    alter: (text: string) => {
      const { authorities, serving } = JSON.parse(text)
      return JSON.stringify({ authorities, serving: { ...serving, certificate: serving.key } })
    },
    message: /serving.certificate: want one PEM block CERTIFICATE/,
  },
])
  test(`a file that is not of our making is refused: ${name}`, async () => {
    const { kept, files } = disk()
    await loadServing(files, 'tls', names, world)
    kept.set('tls/serving.json', alter(kept.get('tls/serving.json')!))
    await assert.rejects(loadServing(files, 'tls', names, world), { code: 'CONFIGURATION_MALFORMED', message })
  })
