#!/usr/bin/env node
// Runs the binary that the package for this platform brought along.
'use strict';
const { spawn } = require('node:child_process');

const target = `${process.platform}-${process.arch}`;
const file = process.platform === 'win32' ? 'fkfix.exe' : 'fkfix';
let binary;
try {
  binary = require.resolve(`fkfix-${target}/bin/${file}`);
} catch {
  console.error(`error: the package fkfix-${target} is not installed`);
  console.error('hint: npm install without --omit=optional; where there is no such package, cargo install fkfix');
  process.exit(2);
}
const child = spawn(binary, process.argv.slice(2), { stdio: 'inherit' });
// fkfix rolls back before it ends; a terminal has sent the signal to both already.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  console.error(`error: could not run ${binary}: ${error.message}`);
  process.exit(2);
});
child.on('exit', (status, signal) => process.exit(status ?? (signal === 'SIGINT' ? 130 : 2)));
