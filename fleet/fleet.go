// Package fleet has many machines run one app: a push to the hub gets the release
// ready on all of them, and then they switch to it together, or none does.
//
// What is true stands in files. The hub's [Records] hold one signed [State] for each
// app: which release is to be live, and which is to be ready. It has a number, its
// generation, which only ever grows. Messages between hub and agents go through
// NATS JetStream and may be lost, doubled, late or in another order: they only make
// the fleet faster. An [Agent] obeys the highest generation that it has seen, never
// an older one and never one that the hub has not signed; it reads the state each
// time it gets a connection, and now and then besides, so one that was away
// catches up by itself.
//
// An agent's app is an app as any other, without a source: releases come as
// archives, or as what differs from a release that is there, and are unpacked,
// checked and made live by package deploy, with the same links, proof and way
// back. While a release is to be ready, its deploy stands right before the switch,
// with the app's lock held; the flip lets it go on.
package fleet
