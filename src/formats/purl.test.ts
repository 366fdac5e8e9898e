import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPackage, parsePurl } from './purl.ts'

for (const { wanted, found, same } of [
  { wanted: 'pkg:npm/left-pad', found: 'pkg:npm/left-pad@1.3.0', same: true },
  { wanted: 'pkg:npm/left-pad@1.3.0', found: 'pkg:npm/left-pad@1.3.0', same: true },
  { wanted: 'pkg:npm/left-pad@1.3.0', found: 'pkg:npm/left-pad@1.3.1', same: false },
  { wanted: 'pkg:npm/left-pad@1.3.0', found: 'pkg:npm/left-pad', same: false },
  { wanted: 'pkg:npm/left-pad@', found: 'pkg:npm/left-pad@1.3.0', same: true },
  { wanted: 'pkg:npm/left-pad', found: 'pkg:npm/left-pad-2@1.3.0', same: false },
  { wanted: 'pkg:npm/Left-Pad', found: 'pkg:npm/left-pad', same: false },
  { wanted: 'pkg:NPM/left-pad', found: 'pkg:npm/left-pad', same: true },
  { wanted: 'pkg:npm/core', found: 'pkg:npm/%40babel/core@7.0.0', same: false },
  { wanted: 'pkg:npm/@babel/core', found: 'pkg:npm/%40babel/core@7.0.0', same: true },
  { wanted: 'pkg:npm/@babel/core@7.0.0', found: 'pkg:npm/%40babel/core@7.0.0', same: true },
  { wanted: 'pkg://npm//left-pad/', found: 'pkg:npm/left-pad', same: true },
  { wanted: 'pkg:npm/a%2Fb', found: 'pkg:npm/a/b', same: false },
  { wanted: 'pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5', found: 'pkg:deb/debian/curl@7.88.1-10+deb12u5?arch=amd64', same: true },
  { wanted: 'pkg:deb/debian/curl?arch=amd64', found: 'pkg:deb/debian/curl@7.88.1?Arch=amd64&distro=debian-12', same: true },
  { wanted: 'pkg:deb/debian/curl?arch=arm64', found: 'pkg:deb/debian/curl@7.88.1?arch=amd64', same: false },
  { wanted: 'pkg:deb/debian/curl?arch=amd64', found: 'pkg:deb/debian/curl@7.88.1', same: false },
  { wanted: 'pkg:golang/example.com/a?x=', found: 'pkg:golang/example.com/a', same: true },
  { wanted: 'pkg:golang/example.com/a#cmd/', found: 'pkg:golang/example.com/a@v1#/cmd', same: true },
  { wanted: 'pkg:golang/example.com/a#cmd', found: 'pkg:golang/example.com/a@v1', same: false },
])
  test(`isPackage: ${found} is ${same ? '' : 'not '}${wanted}`, () => assert.equal(isPackage(parsePurl(found)!, parsePurl(wanted)!), same))

for (const text of [
  '',
  'left-pad',
  'pkg:',
  'pkg:npm',
  'pkg:npm/',
  'pkg:npm//',
  'pkg:1npm/x',
  'npm/left-pad',
  'pkg:npm/%',
  'pkg:npm/x?a=%zz',
  'pkg:npm/x#%f',
])
  test(`parsePurl: ${JSON.stringify(text)} is none`, () => assert.equal(parsePurl(text), undefined))

test('slashes in the path of a purl are few to whoever reads it, however many they are', () => {
  assert.equal(parsePurl(`pkg:npm/a#/x${'/'.repeat(1_000_000)}y//`)?.subpath, 'x/y')
})
