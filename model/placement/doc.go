// Package placement decides who does what: which node holds how many of a
// processor's slots, and which nodes hold the replicas of a group. It is
// arithmetic on its arguments: the same input gives the same answer anywhere.
package placement
