import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRepository, parseRepository } from './repository.ts'

const app = 'https://github.com/org/app'
for (const { wanted, found, same } of [
  { wanted: app, found: app, same: true },
  { wanted: app, found: `git+${app}`, same: true },
  { wanted: `git+${app}`, found: app, same: true },
  { wanted: app, found: `${app}.git`, same: true },
  { wanted: `${app}.git/`, found: app, same: true },
  { wanted: app, found: `${app}/`, same: true },
  { wanted: app, found: 'HTTPS://GitHub.com/org/app', same: true },
  { wanted: app, found: `git+${app}@refs/heads/main`, same: true },
  { wanted: app, found: `${app}.git#refs/heads/main`, same: true },
  { wanted: `${app}@refs/heads/main`, found: `git+${app}.git@refs/heads/main`, same: true },
  { wanted: `${app}@refs/heads/main`, found: `${app}.git#refs/heads/main`, same: true },
  { wanted: `${app}@refs/tags/@org/x@1.0`, found: `git+${app}@refs/tags/@org/x@1.0`, same: true },
  { wanted: `${app}@refs/heads/main`, found: `git+${app}@refs/heads/main#sub/folder`, same: true },
  { wanted: `${app}@refs/heads/main`, found: `git+${app}@refs/heads/main2`, same: false },
  { wanted: `${app}@main`, found: `git+${app}@refs/heads/main`, same: false },
  { wanted: `${app}@refs/heads/main`, found: `git+${app}@refs/heads/Main`, same: false },
  { wanted: `${app}@refs/heads/main`, found: app, same: false },
  { wanted: app, found: 'https://github.com/org/App', same: false },
  { wanted: app, found: 'http://github.com/org/app', same: false },
  { wanted: app, found: 'ssh://git@github.com/org/app', same: false },
  { wanted: app, found: 'git@github.com:org/app.git', same: false },
  { wanted: app, found: 'https://github.com/org/app2', same: false },
  { wanted: app, found: 'https://github.com/org/app/../app', same: false },
  { wanted: app, found: 'https://github.com/org/%61pp', same: false },
  { wanted: app, found: 'https://github.com.evil.example/org/app', same: false },
  { wanted: app, found: 'https://github.com@evil.example/org/app', same: false },
  { wanted: app, found: 'https://evil.example/https://github.com/org/app', same: false },
  { wanted: app, found: 'https://github.com:8443/org/app', same: false },
  { wanted: app, found: ` ${app}`, same: false },
  { wanted: app, found: `${app}\n`, same: false },
  { wanted: app, found: '', same: false },
  { wanted: 'https://Alice@github.com/org/app', found: 'https://alice@github.com/org/app', same: false },
  { wanted: 'pkg:docker/app@1', found: 'pkg:docker/app@1', same: true },
  { wanted: 'pkg:docker/app@1', found: 'pkg:docker/app@2', same: false },
])
  test(`isRepository: ${JSON.stringify(found)} is ${same ? '' : 'not '}${wanted}`, () =>
    assert.equal(isRepository(parseRepository(found), parseRepository(wanted)), same))
