package flow

// loaded is what a step has loaded of one kind of thing: each once for all
// commands of the entry. Things are given in the order in which they were first
// asked for, since nothing may depend on the order of a map.
type loaded[K comparable, V any] struct {
	byKey   map[K]*item[V]
	all     []*item[V]
	touched []*item[V] // asked for since the last command began
	command int
}

type item[V any] struct {
	value   V
	command int  // that asked for it last
	changed bool // a command that was not refused has asked for it
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
		i.changed = true
	}
}

// get gives what was loaded.
func (l *loaded[K, V]) get(key K) (value V, ok bool) {
	i, ok := l.byKey[key]
	if !ok {
		return value, false
	}
	l.touch(i)
	return i.value, true
}

func (l *loaded[K, V]) touch(i *item[V]) {
	if i.command != l.command {
		i.command = l.command
		l.touched = append(l.touched, i)
	}
}

// add holds what was loaded, or made.
func (l *loaded[K, V]) add(key K, value V) {
	if l.byKey == nil {
		l.byKey = make(map[K]*item[V])
	}
	i := &item[V]{value: value, command: -1}
	l.byKey[key] = i
	l.all = append(l.all, i)
	l.touch(i)
}

// drop forgets what is not there any more.
func (l *loaded[K, V]) drop(key K) {
	if i, ok := l.byKey[key]; ok {
		i.gone = true
		delete(l.byKey, key)
	}
}

// write writes what is to be written.
func (l *loaded[K, V]) write(save func(V)) {
	for _, i := range l.all {
		if i.changed && !i.gone {
			save(i.value)
		}
	}
}
