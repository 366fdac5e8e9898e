import assert from 'node:assert/strict'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { type Case, cs, definePlain, good, usage } from './setup.ts'

const environment = { COSIGN_PKCS11_MODULE_PATH: '/lib/token.so', COSIGN_PKCS11_PIN: '1234' }
const tokens = (line: string, changes: Parameters<typeof cs>[1] = {}) => cs(`pkcs11-tool ${line}`, { environment, ...changes })

definePlain('pkcs11-tool list-tokens', {
  line: async () => 'pkcs11-tool list-tokens --module-path /lib/token.so',
  failing: line => line.replace('/lib/token.so', 'token.so'),
  prints: true,
})
definePlain('pkcs11-tool list-keys-uris', {
  line: async () => 'pkcs11-tool list-keys-uris --module-path /lib/token.so --slot-id 7 --pin 1234',
  failing: line => line.replace('/lib/token.so', 'token.so'),
  prints: true,
})

/** Flags of `pkcs11-tool`. */
export function tokenCases(): readonly Case[] {
  const [listTokens, listKeys] = ['pkcs11-tool list-tokens', 'pkcs11-tool list-keys-uris']
  return [
    {
      flag: 'module-path',
      commands: [listTokens, listKeys],
      what: 'names the module, before the environment does',
      check: async name => {
        const line = name === listKeys ? 'list-keys-uris --slot-id 7' : 'list-tokens'
        const elsewhere = { environment: { ...environment, COSIGN_PKCS11_MODULE_PATH: '/nowhere.so' } }
        assert.match((await good(tokens(`${line} --module-path /lib/token.so`, elsewhere))).stdout, /of PKCS11 module '\/lib\/token\.so'\n/)
        assert.match((await good(tokens(line))).stdout, /of PKCS11 module '\/lib\/token\.so'\n/)
        assertRefused(await tokens(`${line} -o json`, elsewhere), { exit: 1, code: 'KMS_UNAVAILABLE', message: /module "\/nowhere\.so"/ })
        assertRefused(await tokens(`${line} -o json`, { environment: {} }), usage(/want a PKCS #11 module, by --module-path/))
      },
    },
    {
      flag: 'slot-id',
      commands: [listKeys],
      what: 'names the slot; 0 unless told',
      check: async () => {
        const { stdout } = await good(tokens('list-keys-uris --slot-id 7'))
        assert.equal(
          stdout,
          "\nListing URIs of keys in slot '7' of PKCS11 module '/lib/token.so'\nObject 0\n\tLabel: release\n\tID: 41\n" +
            '\tURI: pkcs11:token=release;slot-id=7;id=%41;object=release?module-path=/lib/token.so\n',
        )
        assert.equal((await good(tokens('list-keys-uris'))).stdout, "\nListing URIs of keys in slot '0' of PKCS11 module '/lib/token.so'\n")
        assertRefused(await tokens('list-keys-uris --slot-id 8 -o json'), {
          exit: 1,
          code: 'KEY_NOT_FOUND',
          message: /want a token that fits/,
        })
        assertRefused(await tokens('list-keys-uris --slot-id -1 -o json'), usage(/--slot-id: want a number of a slot, got -1/))
      },
    },
    {
      flag: 'pin',
      commands: [listKeys],
      what: 'is the PIN, before the environment says one, and is in no URI',
      check: async () => {
        const wrong = { environment: { ...environment, COSIGN_PKCS11_PIN: '9999' } }
        assert.doesNotMatch((await good(tokens('list-keys-uris --slot-id 7 --pin 1234', wrong))).stdout, /1234|pin/)
        assertRefused(await tokens('list-keys-uris --slot-id 7 -o json', wrong), {
          exit: 1,
          code: 'PIN_WRONG',
          message: /the PIN is wrong/,
        })
      },
    },
    {
      flag: 'no-input',
      commands: [listKeys],
      what: 'asks for no PIN',
      check: async () => {
        const without = { environment: { COSIGN_PKCS11_MODULE_PATH: '/lib/token.so' }, keys: ['1234\r'] }
        assert.match((await good(tokens('list-keys-uris --slot-id 7', without))).stderr, /^Enter PIN for PKCS11 token 'release': \n$/)
        assertRefused(await tokens('list-keys-uris --slot-id 7 --no-input -o json', without), usage(/--no-input: Enter PIN/))
      },
    },
  ]
}
