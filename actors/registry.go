package actors

import (
	"sync"

	cmap "github.com/orcaman/concurrent-map"
)

// fewerMaps is called before an actor system is made. The library keeps actors by
// name in 1,024 maps, each of which is 32 maps again, with a lock each: 32,768 in
// all, for some hundred actors: 10 ms of each start, and 67,000 objects that each
// collection of garbage looks at. How many there are is a variable of the maps'
// package, which must not change once there is one.
var fewerMaps = sync.OnceFunc(func() { cmap.SHARD_COUNT = 1 })
