package flow

import "slices"

// loaded is what was loaded of one kind of thing: each once for all commands of
// the entry, and for those of the next. Things are given in the order in which they were first
// asked for, since nothing may depend on the order of a map. Most entries ask
// for a few, which are found without one.
type loaded[K comparable, V any] struct {
	all     []*item[K, V]
	byKey   map[K]*item[K, V] // made when all is long
	touched []*item[K, V]     // asked for since the last command began
	changed []*item[K, V]     // to be written
	lost    bool              // some of all are gone
	command int
}

const (
	few  = 8    // things are looked through rather than looked up
	most = 1024 // stay loaded when the entry ends
)

type item[K comparable, V any] struct {
	key     K
	value   V
	command int  // that asked for it last
	changed bool // a command that was not refused has asked for it, since it was written
	gone    bool
}

// begin begins with another command.
func (l *loaded[K, V]) begin() {
	l.command++
	l.touched = l.touched[:0]
}

// keep makes what the command may have changed one of the things to be written.
func (l *loaded[K, V]) keep() {
	for _, i := range l.touched {
		if !i.changed {
			i.changed = true
			l.changed = append(l.changed, i)
		}
	}
}

// get gives what was loaded.
func (l *loaded[K, V]) get(key K) (value V, ok bool) {
	i := l.find(key)
	if i == nil {
		return value, false
	}
	l.touch(i)
	return i.value, true
}

func (l *loaded[K, V]) find(key K) *item[K, V] {
	if l.byKey != nil {
		return l.byKey[key]
	}
	for _, i := range l.all {
		if i.key == key && !i.gone {
			return i
		}
	}
	return nil
}

// among gives one of a few things that were loaded, by what it is like.
func (l *loaded[K, V]) among(like func(V) bool) (value V, ok bool) {
	if l.byKey != nil {
		return value, false
	}
	for _, i := range l.all {
		if !i.gone && like(i.value) {
			l.touch(i)
			return i.value, true
		}
	}
	return value, false
}

func (l *loaded[K, V]) touch(i *item[K, V]) {
	if i.command != l.command {
		i.command = l.command
		l.touched = append(l.touched, i)
	}
}

// add holds what was loaded, or made.
func (l *loaded[K, V]) add(key K, value V) {
	i := &item[K, V]{key: key, value: value, command: -1}
	l.all = append(l.all, i)
	l.index(i)
	l.touch(i)
}

func (l *loaded[K, V]) index(added *item[K, V]) {
	switch {
	case l.byKey != nil:
		l.byKey[added.key] = added
	case len(l.all) > few:
		l.byKey = make(map[K]*item[K, V], 2*few)
		for _, i := range l.all {
			if !i.gone {
				l.byKey[i.key] = i
			}
		}
	}
}

// drop forgets what is not there any more.
func (l *loaded[K, V]) drop(key K) {
	if i := l.find(key); i != nil {
		i.gone, l.lost = true, true
		delete(l.byKey, key)
	}
}

// write writes what is to be written.
func (l *loaded[K, V]) write(save func(V)) {
	for _, i := range l.changed {
		if i.changed = false; !i.gone {
			save(i.value)
		}
	}
	l.changed = l.changed[:0]
}

// rest ends an entry: all is written. What is gone is forgotten, and everything
// when it has become too much.
func (l *loaded[K, V]) rest() {
	l.begin()
	if len(l.all) > most {
		*l = loaded[K, V]{command: l.command}
		return
	}
	if l.lost {
		l.all, l.lost = slices.DeleteFunc(l.all, func(i *item[K, V]) bool { return i.gone }), false
	}
}
