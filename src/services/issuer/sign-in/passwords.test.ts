import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, isPassword, parsePasswordHash } from './passwords.ts'

// argon2id: the reference implementation's test.c; scrypt: RFC 7914 §12
for (const { name, password, hash } of [
  {
    name: 'argon2id',
    password: 'password',
    hash: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  },
  {
    name: 'scrypt',
    password: 'pleaseletmein',
    hash: '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw',
  },
])
  test(`a known hash of ${name}`, async () => {
    const parsed = parsePasswordHash(hash, 'hash')
    assert.equal(await isPassword(password, parsed), true)
    assert.equal(await isPassword(`${password}x`, parsed), false)
  })

test('what is hashed is known again, and differs by its salt', async () => {
  let salts = 0
  const random = (length: number) => new Uint8Array(length).fill(salts++)
  const [one, other] = [await hashPassword('pass', random), await hashPassword('pass', random)]
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.notEqual(one, other)
  assert.equal(await isPassword('pass', parsePasswordHash(other, 'hash')), true)
})

const [salt, tag] = ['c29tZXNhbHQ', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc']
for (const { name, hash, message } of [
  { name: 'a password', hash: 'password', message: /want a hash in the PHC string format/ },
  { name: 'without end', hash: `$argon2id$v=19$m=65536,t=2,p=1$${salt}$${'A'.repeat(600)}`, message: /PHC string format/ },
  { name: 'another function', hash: `$argon2i$v=19$m=65536,t=2,p=1$${salt}$${tag}`, message: /want argon2id or scrypt, got "argon2i"/ },
  { name: 'bcrypt', hash: '$2b$12$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', message: /got "2b"/ },
  { name: 'another version', hash: `$argon2id$v=16$m=65536,t=2,p=1$${salt}$${tag}`, message: /want "\$argon2id\$v=19/ },
  { name: 'too cheap', hash: `$argon2id$v=19$m=4096,t=2,p=1$${salt}$${tag}`, message: /7168 to 262144 KiB/ },
  { name: 'too dear', hash: `$argon2id$v=19$m=999999,t=2,p=1$${salt}$${tag}`, message: /7168 to 262144 KiB/ },
  { name: 'passes without end', hash: `$argon2id$v=19$m=65536,t=999,p=1$${salt}$${tag}`, message: /at most 16 passes/ },
  { name: 'scrypt too dear', hash: `$scrypt$ln=30,r=8,p=1$${salt}$${tag}`, message: /ln 14 to 18/ },
  { name: 'a short salt', hash: `$argon2id$v=19$m=65536,t=2,p=1$c29t$${tag}`, message: /a salt of 8 to 64 bytes/ },
  { name: 'a short hash', hash: `$argon2id$v=19$m=65536,t=2,p=1$${salt}$CTFh`, message: /a hash of 16 to 64 bytes/ },
  { name: 'padding', hash: `$argon2id$v=19$m=65536,t=2,p=1$${salt}$${tag}=`, message: /base64 without padding/ },
])
  test(`a hash is refused: ${name}`, () => {
    assert.throws(() => parsePasswordHash(hash, 'users[0].passwordHash'), { code: 'CONFIGURATION_MALFORMED', message })
    assert.throws(
      () => parsePasswordHash(hash, 'users[0].passwordHash'),
      ({ message: text }: Error) => !text.includes(tag),
    )
  })
