import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAdmittedObject } from './admitted-object.ts'
import { type CustomImages, parseImagePath } from './image-path.ts'
import { imagesChanged } from './images-changed.ts'
import { imagesOf } from './images-of.ts'
import { workloadKinds } from './workload-kinds.ts'

const read = (json: unknown) => readAdmittedObject(json, { resource: 'things' })
const pod = (spec: object) => read({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec })
const app = { name: 'app', image: 'r.test/app:v1' }
const fieldsOf = (json: unknown, custom: readonly CustomImages[] = []) =>
  imagesOf(read(json), custom).map(({ field, original }) => `${field} ${original}`)

for (const { group, versions, kind, podSpec } of workloadKinds)
  for (const version of versions)
    test(`images of ${group}/${version} ${kind}`, () => {
      const spec = {
        initContainers: [{ image: 'r.test/init' }],
        containers: [app],
        volumes: [{ name: 'v', image: { reference: 'r.test/data' } }],
      }
      const nested = podSpec.toReversed().reduce<object>((value, name) => ({ [name]: value }), spec)
      const object = readAdmittedObject({ apiVersion: group === '' ? version : `${group}/${version}`, kind, ...nested })
      const at = podSpec.join('.')
      assert.deepEqual(
        imagesOf(object, []).map(({ field, pointer, original }) => [field, pointer, original]),
        [
          [`${at}.initContainers[0].image`, `/${podSpec.join('/')}/initContainers/0/image`, 'r.test/init'],
          [`${at}.containers[0].image`, `/${podSpec.join('/')}/containers/0/image`, 'r.test/app:v1'],
          [`${at}.volumes[0].image.reference`, `/${podSpec.join('/')}/volumes/0/image/reference`, 'r.test/data'],
        ],
      )
    })

test('ephemeral containers count, names are parsed, and lists that are null are none', () => {
  const images = imagesOf(pod({ initContainers: null, containers: [app], ephemeralContainers: [{ image: 'busybox' }] }), [])
  assert.deepEqual(
    images.map(({ field, reference }) => [field, reference.registry, reference.repository, reference.tag]),
    [
      ['spec.containers[0].image', 'r.test', 'app', 'v1'],
      ['spec.ephemeralContainers[0].image', 'index.docker.io', 'library/busybox', 'latest'],
    ],
  )
})

for (const { name, spec, code = 'DOCUMENT_MALFORMED', message } of [
  {
    name: 'no containers',
    spec: { containers: [] },
    code: 'DOCUMENT_WITHOUT_IMAGES',
    message: /^Pod "shop\/web": want at least one image, got none/,
  },
  {
    name: 'no image',
    spec: { containers: [{ name: 'a' }] },
    message: /spec\.containers\[0\]\.image: want the name of an image, got nothing/,
  },
  {
    name: 'null image',
    spec: { containers: [{ image: null }] },
    message: /spec\.containers\[0\]\.image: want the name of an image, got nothing/,
  },
  { name: 'empty image', spec: { containers: [{ image: '' }] }, message: /\[0\]\.image: want the name of an image, got an empty text/ },
  {
    name: 'image that is no text',
    spec: { initContainers: [{ image: 7 }] },
    message: /initContainers\[0\]\.image: want the name of an image, got something else/,
  },
  {
    name: 'image volume without reference',
    spec: { containers: [app], volumes: [{ image: {} }] },
    message: /spec\.volumes\[0\]\.image\.reference: want the name of an image, got nothing/,
  },
  { name: 'null container', spec: { containers: [null] }, message: /spec\.containers\[0\]: want a container, got nothing/ },
  { name: 'container that is a text', spec: { containers: ['x'] }, message: /spec\.containers\[0\]: want an object/ },
  { name: 'list that is none', spec: { containers: { a: app } }, message: /spec\.containers: want a list/ },
  { name: 'volumes that are none', spec: { containers: [app], volumes: 'x' }, message: /spec\.volumes: want a list/ },
  {
    name: 'no reference',
    spec: { containers: [{ image: 'R.test/UPPER' }] },
    code: 'REFERENCE_MALFORMED',
    message: /spec\.containers\[0\]\.image: image "R\.test\/UPPER"/,
  },
  {
    name: 'too many',
    spec: { containers: Array.from({ length: 1001 }, () => app) },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 1000 images, got 1001/,
  },
  {
    name: 'unknown list of containers',
    spec: { containers: [app], sidecars: [app] },
    message: /spec\.sidecars\[0\]\.image: a field of this name holds an image/,
  },
  {
    name: 'list in another case',
    spec: { containers: [app], Containers: [app] },
    message: /spec\.Containers\[0\]\.image: a field of this name/,
  },
  {
    name: 'image in another case',
    spec: { containers: [{ ...app, Image: 'x' }] },
    message: /spec\.containers\[0\]\.Image: a field of this name/,
  },
  {
    name: 'reference elsewhere',
    spec: { containers: [app], rootfs: { reference: 'x' } },
    message: /spec\.rootfs\.reference: a field of this name/,
  },
  {
    name: 'volume driver that mounts images',
    spec: { containers: [app], volumes: [{ csi: { volumeAttributes: { image: 'x' } } }] },
    message: /spec\.volumes\[0\]\.csi\.volumeAttributes\.image: a field/,
  },
])
  test(`imagesOf refuses: ${name}`, () => assert.throws(() => imagesOf(pod(spec), []), { code, message }))

test('what is no field, and a block device, is no image', () => {
  const spec = {
    containers: [{ ...app, resources: { limits: { image: 1 } } }],
    nodeSelector: { image: 'x' },
    volumes: [{ rbd: { image: 'disk' } }, { image: null }],
    topologySpreadConstraints: [{ labelSelector: { matchLabels: { reference: 'y' } } }],
  }
  assert.equal(imagesOf(pod(spec), []).length, 1)
})

test('depth below a pod is bounded', () => {
  const deep = Array.from({ length: 70 }).reduce<object>(value => ({ value }), {})
  assert.throws(() => imagesOf(pod({ containers: [app], deep }), []), { code: 'LIMIT_EXCEEDED', message: /spec: want at most 64 levels/ })
})

test('no pod, unknown version, unknown kind: each is refused by name', () => {
  for (const { json, code, message } of [
    {
      json: { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} },
      code: 'DOCUMENT_MALFORMED',
      message: /spec\.template\.spec: want the specification of a pod, got nothing/,
    },
    { json: { apiVersion: 'apps/v2', kind: 'Deployment' }, code: 'CAPABILITY_MISSING', message: /^Deployment "": want a workload/ },
    { json: { apiVersion: 'x.test/v1', kind: 'Thing' }, code: 'CAPABILITY_MISSING', message: /^Thing "": want a workload/ },
  ])
    assert.throws(() => imagesOf(read(json), []), { code, message })
})

test('kinds that others defined have images where it is configured', () => {
  const custom: CustomImages = {
    group: 'x.test',
    kind: 'Thing',
    paths: [parseImagePath('spec.steps[*].image', 'path'), parseImagePath('spec.main', 'path')],
  }
  const thing = (spec: object) => ({ apiVersion: 'x.test/v1', kind: 'Thing', spec })
  assert.deepEqual(fieldsOf(thing({ steps: [{ image: 'a.test/1' }, {}], main: 'b.test/2' }), [custom]), [
    'spec.steps[0].image a.test/1',
    'spec.main b.test/2',
  ])
  assert.deepEqual(fieldsOf(thing({}), [custom]), [])
  assert.throws(() => fieldsOf(thing({ steps: { image: 'x' } }), [custom]), {
    code: 'DOCUMENT_MALFORMED',
    message: /spec\.steps: want a list/,
  })
  assert.throws(() => fieldsOf(thing({ main: ['x'] }), [custom]), {
    code: 'DOCUMENT_MALFORMED',
    message: /spec\.main: want the name of an image, got something else/,
  })
  assert.throws(() => fieldsOf(thing({}), [{ ...custom, group: 'y.test' }]), {
    code: 'CAPABILITY_MISSING',
    message: /paths to images are configured/,
  })
})

test('a configured path in a kind of our own adds to what is known', () => {
  const custom: CustomImages = { group: '', kind: 'Pod', paths: [parseImagePath('spec.volumes[*].csi.volumeAttributes.image', 'path')] }
  const spec = { containers: [app], volumes: [{ csi: { volumeAttributes: { image: 'r.test/mounted' } } }] }
  assert.deepEqual(
    imagesOf(pod(spec), [custom]).map(({ original }) => original),
    ['r.test/app:v1', 'r.test/mounted'],
  )
})

for (const { name, text, message } of [
  { name: 'empty', text: '', message: /names of fields/ },
  { name: 'empty name', text: 'spec..image', message: /got "spec\.\.image"/ },
  { name: 'index', text: 'spec.containers[0].image', message: /followed by \[\*\]/ },
  { name: 'too deep', text: Array.from({ length: 33 }, () => 'a').join('.'), message: /at most 32 names/ },
  { name: 'too long', text: 'a'.repeat(1025), message: /got 1025 characters/ },
])
  test(`parseImagePath refuses: ${name}`, () => assert.throws(() => parseImagePath(text, 'path'), { code: 'USAGE', message }))

test('names of fields become pointers by RFC 6901', () => {
  const custom: CustomImages = { group: 'x.test', kind: 'Thing', paths: [['a/b~c', 'image']] }
  const [image] = imagesOf(read({ apiVersion: 'x.test/v1', kind: 'Thing', 'a/b~c': { image: 'r.test/x' } }), [custom])
  assert.equal(image?.pointer, '/a~1b~0c/image')
})

for (const { name, before, after, changed } of [
  { name: 'nothing', before: { containers: [app] }, after: { containers: [app] }, changed: false },
  { name: 'another field', before: { containers: [app] }, after: { containers: [{ ...app, env: [{ name: 'A' }] }] }, changed: false },
  { name: 'another tag', before: { containers: [app] }, after: { containers: [{ ...app, image: 'r.test/app:v2' }] }, changed: true },
  { name: 'one more', before: { containers: [app] }, after: { containers: [app, app] }, changed: true },
  { name: 'one less', before: { containers: [app, app] }, after: { containers: [app] }, changed: true },
  { name: 'a debug container', before: { containers: [app] }, after: { containers: [app], ephemeralContainers: [app] }, changed: true },
  {
    name: 'two in other places',
    before: { containers: [app, { image: 'x' }] },
    after: { containers: [{ image: 'x' }, app] },
    changed: true,
  },
  { name: 'what could not be read', before: { containers: {} }, after: { containers: [app] }, changed: true },
  { name: 'what cannot be read', before: { containers: [app] }, after: { containers: {} }, changed: true },
])
  test(`imagesChanged: ${name}`, () => assert.equal(imagesChanged(pod(before), pod(after), []), changed))
