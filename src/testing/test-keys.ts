import { decodeBase64 } from '../codec/base64.ts'
import { type Signer, signerFromPkcs8 } from '../crypto/signer.ts'

/** A key pair for tests, public in all its parts. */
export type TestKey = {
  readonly encrypted: string // as cosign writes it, with the lowest cost it reads: scrypt is most of what a test with keys takes
  readonly publicPem: string
  readonly pkcs8: string // base64, the same key unencrypted
  readonly signer: () => Signer
}

/** Passphrase of every test key. */
export const testPassphrase = 'correct horse battery staple'

/** The key that tests sign and verify with. */
export const teamKey: TestKey = testKey(
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCDEC7I/fxRRjSA6NzhKhB5g3n1EB7qAWrrmXkJUumwOhRANCAATJYExJbIH1e2/pkvvk00/s0o6PGcAXGp4bt4kqB/iaZDZmGoJ9JW8lSE10EHtXs8LwWEAddTP6VgH6iUvfklso',
  [
    'eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6',
    'OCwicCI6MX0sInNhbHQiOiJFbm1uZ3FPZjA4ZmJZQmtkUlNocjF3dkZ1RUlKQ0tD',
    'andKL3ZtMlpNR3I0PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94',
    'Iiwibm9uY2UiOiJ0Qy9EOVNqZVFBalVrNDhsUVdqUFJ4emE0RkJmblBUTCJ9LCJj',
    'aXBoZXJ0ZXh0IjoiU0x5d1ZPZXZ0ZjVNQVRYLzhwQWtkRTNYOTJpWGhrczZTUVlP',
    'Q29rbmxvV1dEYkIrdmRlNmpZWU9Eb09oazBQQkdEa1lpZFpJZXR4dm9HM0wzdXRa',
    'S2hlQTNjNXg3UC8wRE5xc2Y3ZlVpZ0NxMExqeXpPNGgzelkxN3NQL1JRNGNVenB4',
    'Ui9ETUplQ1JEMWFtMWVJUGtNS0VKNm5TRmpnaHlSNDdraXRPMDNiTGJaK1UxMlRz',
    'MkVWWXhkSytkUjloenREajF4V1d0djFDa1E9PSJ9',
  ],
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyWBMSWyB9Xtv6ZL75NNP7NKOjxnA\nFxqeG7eJKgf4mmQ2ZhqCfSVvJUhNdBB7V7PC8FhAHXUz+lYB+olL35JbKA==',
)

/** Somebody else's. */
export const strangerKey: TestKey = testKey(
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgv0MHL5z0GtPXIgIxRZZiH9fvWd3zzQADz0zhfswODnmhRANCAATAPdazqKQpn8O6egi2+sE7CUQIHJ6oEbmemhyCQUf3c4pxDNt9DMQY5rGYa7FKhvmQElZHysLWHBVovWuicTrG',
  [
    'eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6',
    'OCwicCI6MX0sInNhbHQiOiJxNENOZGw4QUtjMWFoa3hOaFIzU0lsMERTYnNvS3RO',
    'U01ZbGVXSUNwVkc4PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94',
    'Iiwibm9uY2UiOiJXRDdBbVNxNitFV2dDVGVQLzdLOUYzdVF6dGQycjkrbCJ9LCJj',
    'aXBoZXJ0ZXh0IjoiNEpzQVRyT1hSYjBBRkNUN09nSmMybC9CUXlobjE4VEx0SldK',
    'WjUyRk9QbFZDTW5qL1BmdlErdjhJeVU4N0RDREpyaEdSUURhUmU3Nk1Xa01NUTVC',
    'Mi9GTktuQ0R0S09VdmFQV1psUzduSFRBQXJyMkpidldDcE9WZGZHTkdzbFBPL2tN',
    'VmxON0JZek16dzZ1SVM1dXZQa0dzZDQ0Y1RIK0pMMk1URTlPTUtCb1IxN1I0ZXd3',
    'UlZ3Q0EvYll0SWV1MTVPeE1lM0hjMzl6Z0E9PSJ9',
  ],
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwD3Ws6ikKZ/DunoItvrBOwlECBye\nqBG5npocgkFH93OKcQzbfQzEGOaxmGuxSob5kBJWR8rC1hwVaL1ronE6xg==',
)

function testKey(pkcs8: string, encrypted: readonly string[], spki: string): TestKey {
  return {
    encrypted: pem('ENCRYPTED SIGSTORE PRIVATE KEY', encrypted.join('\n')),
    publicPem: pem('PUBLIC KEY', spki),
    pkcs8,
    signer: () => signerFromPkcs8(decodeBase64(pkcs8, 'test key'), 'test key'),
  }
}

function pem(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
}
