package flow

import "flag"

// first is the seed of the first episode of random walks, so that one can walk
// where nobody has walked.
var first = flag.Uint64("first", 0, "seed of the first episode")
