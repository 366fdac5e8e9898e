import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { runOk } from '../peers/harness/command.ts'
import { attestingBlobs, type Bench, signingBlobs, testProvider, verifyingBlobs } from './harness/scenarios.ts'
import { createTokenRig, type TokenRig } from './harness/softhsm-rig.ts'

let rig: TokenRig

testProvider(
  'PKCS #11 (SoftHSM2)',
  async place => {
    rig = await createTokenRig(place)
    return rig
  },
  bench => {
    const sign = (key: string) => [...attestingBlobs, '--key', key, bench().file('token', 'token')]
    testNames(bench, sign)
    testPins(bench, sign)
  },
)

type Sign = (key: string) => readonly string[]

/** Ways to name a key. */
function testNames(bench: () => Bench, sign: Sign): void {
  test('by id, by serial number, by slot, with everything in the URI', async () => {
    const { good, cs } = bench()
    await rig.create('named', 'EC:prime256v1')
    const id = 'id=%6e%61%6d%65%64'
    const slot = /slot ID 0x([0-9a-f]+)/.exec(await rig.slots())![1]!
    const serial = /serial num *: ([0-9a-f]+)/.exec(await rig.slots())![1]!
    const pub = (await good(['public-key', '--key', rig.reference('named')])).stdout
    const bare = { COSIGN_PKCS11_MODULE_PATH: '', COSIGN_PKCS11_PIN: '' }
    const slotId = Number.parseInt(slot, 16)
    for (const path of [
      `token=release;${id}`,
      `slot-id=${slotId};${id}`,
      `serial=${serial};object=named`,
      `token=release;slot-id=${slotId};serial=${serial};model=SoftHSM%20v2;manufacturer=SoftHSM%20project;${id};object=named;type=private`,
    ]) {
      const uri = `pkcs11:${path}?module-path=${rig.modulePath}&pin-value=${rig.pin}`
      await good(sign(uri), { env: bare })
      assert.equal((await cs(['public-key', '--key', uri], { env: bare })).stdout, pub)
    }
  })

  test('a certificate on the token is its public key, and attached where --certificate names it', async () => {
    const { good, file, place } = bench()
    const key = rig.reference('certified')
    await rig.create('certified', 'EC:prime256v1')
    const pub = (await good(['public-key', '--key', key, '--outfile', 'certified.pub'])).stdout
    const openssl = (...args: readonly string[]) => runOk(place, ['openssl'], args)
    const name = [
      '-subj',
      '/CN=release',
      '-addext',
      'extendedKeyUsage=codeSigning',
      '-addext',
      'keyUsage=critical,digitalSignature',
      '-addext',
      'subjectAltName=email:release@example.com',
    ]
    await openssl(
      'req',
      '-x509',
      '-nodes',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-subj',
      '/CN=root',
      '-keyout',
      'root.key',
      '-out',
      'root.crt',
    )
    await openssl(
      'req',
      '-new',
      '-nodes',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      ...name,
      '-keyout',
      'unused.key',
      '-out',
      'leaf.csr',
    )
    const signed = ['-CA', 'root.crt', '-CAkey', 'root.key', '-copy_extensions', 'copy', '-days', '2', '-force_pubkey', 'certified.pub']
    await openssl('x509', '-req', '-in', 'leaf.csr', ...signed, '-out', 'leaf.crt')
    await openssl('x509', '-in', 'leaf.crt', '-outform', 'DER', '-out', 'leaf.der')
    const id = ['--id', Buffer.from('certified').toString('hex')]
    await rig.tool('--write-object', place.path('leaf.der'), '--type', 'cert', '--label', 'certified', ...id)
    await rig.tool('--delete-object', '--type', 'pubkey', ...id)
    const signing = [...signingBlobs, '--key', key, '--bundle', 'certified.bundle', file('certified.txt', 'certified')]
    await good(signing)
    await good([...verifyingBlobs, '--key', 'certified.pub', '--bundle', 'certified.bundle', 'certified.txt'])
    assert.equal(
      (await good(['public-key', '--key', key], { env: { COSIGN_PKCS11_PIN: '' } })).stdout,
      readFileSync(place.path('certified.pub'), 'utf8'),
    )
    assert.doesNotMatch(readFileSync(place.path('certified.bundle'), 'utf8'), /"certificate"/)
    await good([...signing, '--certificate', 'leaf.crt'])
    assert.match(readFileSync(place.path('certified.bundle'), 'utf8'), /"certificate"/)
    assert.equal(pub, '')
  })

  test('what pkcs11-tool lists leads to the keys', async () => {
    const { good, refused } = bench()
    await rig.create('listed', 'EC:prime256v1')
    const tokens = await good(['pkcs11-tool', 'list-tokens'])
    const [, slot] =
      /^Token in slot (\d+)\n\tLabel: release\n\tManufacturer: SoftHSM project\n\tModel: SoftHSM v2\n\tS\/N: [0-9a-f]+$/m.exec(
        tokens.stdout,
      )!
    const keys = await good(['pkcs11-tool', 'list-keys-uris', '--slot-id', slot!])
    const [, uri] = /\tLabel: listed\n\tID: 6c6973746564\n\tURI: (pkcs11:.*)\n/.exec(keys.stdout)!
    assert.doesNotMatch(keys.stdout, new RegExp(rig.pin))
    await good(sign(uri!), { env: { COSIGN_PKCS11_MODULE_PATH: '' } })
    await refused(['pkcs11-tool', 'list-keys-uris', '--slot-id', slot!, '--pin', 'another-pin'], 'PIN_WRONG', /the PIN is wrong/)
  })

  test('names that fit nothing, or several keys, are refused with what is there', async () => {
    const { refused } = bench()
    for (const id of ['01', '02']) await rig.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'twice', '--id', id)
    await refused(
      sign(rig.reference('twice')),
      'KEY_NOT_FOUND',
      /want one public key, got "twice" \(id 01\), "twice" \(id 02\); name one by id/,
    )
    await refused(
      sign('pkcs11:token=nowhere;object=twice'),
      'KEY_NOT_FOUND',
      /want a token that fits, got "release" \(serial "[0-9a-f]+", slot \d+\)/,
    )
    await refused(sign('pkcs11:token=release;id=%01;object=other'), 'KEY_NOT_FOUND', /want a private key of that name, got "/)
    await rig.addToken('pair')
    await rig.addToken('pair')
    await refused(
      sign('pkcs11:token=pair;object=k'),
      'KEY_NOT_FOUND',
      /want one token, got "pair" .*, "pair" .*; name one by serial or slot-id/,
    )
  })

  test('the examples of pkcs11-tool, as docs/commands.md shows them', async () => {
    const { good } = bench()
    const slot = Number.parseInt(/slot ID 0x([0-9a-f]+)/.exec(await rig.slots())![1]!, 16)
    const lines = commands.filter(({ name }) => name.startsWith('pkcs11-tool ')).flatMap(({ examples }) => examples.map(({ line }) => line))
    assert.equal(lines.length, 2)
    for (const line of lines)
      await good(
        line
          .replace(/(--module-path) \S+/, `$1 ${rig.modulePath}`)
          .replace(/(--slot-id) \d+/, `$1 ${slot}`)
          .split(' '),
      )
  })

  test('a module that is missing, and a file that is none', async () => {
    const { refused, file, place } = bench()
    file('none.so', 'text')
    await refused(
      sign(`${rig.reference('k')}?module-path=/nowhere/m.so`),
      'KMS_UNAVAILABLE',
      /module "\/nowhere\/m.so": want a PKCS #11 module there/,
    )
    await refused(
      sign(`${rig.reference('k')}?module-path=${place.path('none.so')}`),
      'KMS_UNAVAILABLE',
      /the file is no library of this machine/,
    )
    await refused(sign(rig.reference('k')), 'REFERENCE_MALFORMED', /want a module/, { env: { COSIGN_PKCS11_MODULE_PATH: '' } })
  })

  test('without the package, the line that adds it', async () => {
    const { refused, place } = bench()
    await refused(sign(rig.reference('k')), 'CAPABILITY_MISSING', /needs the package pkcs11js, which is not there: npm install pkcs11js@/, {
      env: { COUNTERSIGN_PACKAGES: place.path('home') },
    })
  })
}

/** Who may use a key. */
function testPins(bench: () => Bench, sign: Sign): void {
  test('a wrong PIN, none, and one that is not wanted', async () => {
    const { refused, good, file } = bench()
    await rig.create('pinned', 'EC:prime256v1')
    const key = rig.reference('pinned')
    await refused(sign(key), 'PIN_WRONG', /logging in: the PIN is wrong \(CKR_PIN_INCORRECT\)/, {
      env: { COSIGN_PKCS11_PIN: 'another-pin' },
    })
    await refused(sign(key), 'PIN_WRONG', /the PIN is wrong/, { env: { COUNTERSIGN_PKCS11_PIN: 'another-pin' } }) // ours wins
    const none = { env: { COSIGN_PKCS11_PIN: '' } }
    await refused(sign(key), 'USAGE', /want its PIN, by COUNTERSIGN_PKCS11_PIN where nobody can be asked/, none)
    await good([...signingBlobs, '--key', key, '--bundle', 'pinned.bundle', file('pinned', 'pinned')])
    await good([...verifyingBlobs, '--key', key, '--bundle', 'pinned.bundle', 'pinned'], none)
    await good(['public-key', '--key', key], none)
  })

  test('a PIN in a file', async () => {
    const { good, file, place } = bench()
    await rig.create('filed', 'EC:prime256v1')
    file('pin', `${rig.pin}\n`)
    await good(sign(`${rig.reference('filed')}?pin-source=file:${place.path('pin')}`), { env: { COSIGN_PKCS11_PIN: '' } })
  })

  test('a key that wants the PIN for each signature', async () => {
    const { good, image } = bench()
    await rig.createCareful('careful')
    const names = await Promise.all(['careful-1', 'careful-2', 'careful-3'].map(image))
    await good(['sign', '--tlog-upload=false', '--use-signing-config=false', '--yes', '--key', rig.reference('careful'), ...names])
    await good(['verify', '--insecure-ignore-tlog', '--key', rig.reference('careful'), ...names])
  })
}
