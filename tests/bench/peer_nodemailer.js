// SPDX-License-Identifier: Apache-2.0
// Sends messages through nodemailer's pool. Arguments: port, connections, messages, bytes of a
// message. Prints the seconds it took.
"use strict";
const nodemailer = require("nodemailer");

const [port, connections, messages, size] = process.argv.slice(2).map(Number);
const line = "Officials said on Tuesday that the harbour light would be lit again.\n";
const text = line.repeat(Math.ceil(size / line.length)).slice(0, size - 400);
const pool = nodemailer.createTransport({
  pool: true, host: "127.0.0.1", port, secure: false, ignoreTLS: true,
  maxConnections: connections, maxMessages: Infinity,
});
const begin = process.hrtime.bigint();
let handed = 0, settled = 0;

function one(error) {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  if (++settled === messages) {
    console.log(Number(process.hrtime.bigint() - begin) / 1e9);
    pool.close();
  }
}

pool.on("idle", () => {
  while (pool.isIdle() && handed < messages) {
    handed++;
    pool.sendMail({
      from: "press@example.org", to: `reader${handed}@example.org`, subject: "The light", text,
    }, one);
  }
});
