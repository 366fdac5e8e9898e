import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAzureReference } from './reference.ts'

const version = '0123456789abcdef0123456789abcdef'

for (const { text, reference } of [
  {
    text: 'azurekms://release.vault.azure.net/signing-key',
    reference: { vaultUrl: 'https://release.vault.azure.net', isLoopback: false, name: 'signing-key', version: undefined },
  },
  {
    text: `azurekms://Release.Vault.usgovcloudapi.net/K/${version}`,
    reference: { vaultUrl: 'https://release.vault.usgovcloudapi.net', isLoopback: false, name: 'K', version },
  },
  {
    text: 'azurekms://localhost:8443/k',
    reference: { vaultUrl: 'https://localhost:8443', isLoopback: true, name: 'k', version: undefined },
  },
  {
    text: 'azurekms://127.0.0.1:1/k',
    reference: { vaultUrl: 'https://127.0.0.1:1', isLoopback: true, name: 'k', version: undefined },
  },
])
  test(`parseAzureReference: ${text}`, () => assert.deepEqual(parseAzureReference(text), reference))

for (const { text, message } of [
  { text: 'azurekms://', message: /it names no vault/ },
  { text: 'azurekms:///k', message: /it names no vault/ },
  { text: 'azurekms://v.vault.azure.net', message: /key: want 1 to 127 letters, digits and dashes, got ""/ },
  { text: 'azurekms://v.vault.azure.net/', message: /key: want 1 to 127/ },
  { text: 'azurekms://v.vault.azure.net/a_b', message: /got "a_b"/ },
  { text: `azurekms://v.vault.azure.net/${'k'.repeat(128)}`, message: /key: want 1 to 127/ },
  { text: 'azurekms://v.vault.azure.net/k/', message: /version: want 32 hexadecimal digits in lower case, got ""/ },
  { text: 'azurekms://v.vault.azure.net/k/1', message: /version: want 32/ },
  { text: `azurekms://v.vault.azure.net/k/${version.toUpperCase()}`, message: /lower case/ },
  { text: `azurekms://v.vault.azure.net/k/${version}/`, message: /nothing follows the version/ },
  { text: 'azurekms://v.vault.azure.net:443/k', message: /want no port, but for an emulator on this machine, got "443"/ },
  { text: 'azurekms://localhost:70000/k', message: /want no port/ },
  { text: 'azurekms://localhost:0/k', message: /want no port/ },
  { text: 'azurekms://me:s3cret@v.vault.azure.net/k', message: /^(?!.*s3cret).*want no user name or password/ },
  { text: 'azurekms://v.vault.azure.net/k?sig=s3cret', message: /^(?!.*s3cret).*/ },
  { text: 'azurekms://-v.vault.azure.net/k', message: /want a host name/ },
  { text: 'azurekms://v..net/k', message: /want a host name/ },
  { text: 'azurekms://v.vault.azure.net\n/k', message: /want a host name/ },
])
  test(`parseAzureReference refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(() => parseAzureReference(text), { code: 'REFERENCE_MALFORMED', message })
  })
