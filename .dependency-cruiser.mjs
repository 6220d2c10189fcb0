/** Who may import whom. The table stands in ARCHITECTURE.md; this file enforces it. */
const only = (name, allowed) => ({
  name: `${name}-imports-only-${allowed.join('-') || 'nothing-of-ours'}`,
  severity: 'error',
  from: { path: `^packages/${name}/src` },
  to: { path: '^packages/', pathNot: [name, ...allowed].map((each) => `^packages/${each}/`) },
})

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('core', []),
    only('proxy', []),
    only('session', []),
    only('drivers', ['core']),
    only('cli', ['core', 'drivers', 'proxy']),
    only('testkit', ['core']),
    {
      name: 'core-has-no-effects',
      comment: 'The core decides; it has no clock, no timers and no I/O.',
      severity: 'error',
      from: { path: '^packages/core/src' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-deep-imports',
      comment: 'Another package is used through its exports, never through its files.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/(src|dist)/(?!index|main|express|node)', pathNot: '^packages/$1/' },
    },
    {
      name: 'no-driver-imports-another-driver',
      severity: 'error',
      from: { path: '^packages/drivers/src/(balancers|nodes)/([^/]+)/' },
      to: { path: '^packages/drivers/src/(balancers|nodes)/([^/]+)/', pathNot: '^packages/drivers/src/$1/$2/' },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^packages/[^/]+/src' }, to: {} },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      from: { path: '^packages/[^/]+/src' },
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown', 'undetermined'],
        // The frameworks that @baton/session has adapters for: the app brings them.
        dependencyTypesNot: ['npm-peer'],
        pathNot: '^packages/',
      },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'dist'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
