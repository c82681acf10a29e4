// Package catalog holds what one agent knows of the cluster: nodes, the service
// instances on them, and their health.
//
// It guarantees:
//
//   - Every record has one owner, the agent it was registered on. The store never
//     merges two owners' words about the same thing.
//   - Readers see a View: immutable, consistent in itself, taken without a lock.
//   - A View is rebuilt only for the services and nodes that changed, and wakes
//     only those who watch them.
//   - Instances on a failed host stay in the catalogue but are never among
//     Service.Endpoints, so no answer can contain them.
//
// It does no I/O, starts no goroutine and reads no clock. How records travel is
// gossip's concern, which of them are answered is lb's.
package catalog
