package model

import (
	"encoding/binary"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// Keys, all below "m/". KIND is a word like "socket"; ids hold no slash.
//
//	m/o/ KIND / id                 an object
//	m/n/ KIND / name               the id of the object with this name
//	m/r/ KIND / id / KIND / id     empty: the second object refers to the first
//	m/g/ group(4)                  what is due of a group
//	m/c/ KIND / id                 what the partition was last told of an object
//	m/b/ queue / socket            what the queue's home was last told that the socket takes
//	m/f/ id                        functions of a processor's code that does not serve yet
//	m/h/ id / index(8)             how a processor's status changed in an entry of the log
//	m/d/ group(4) seq(8)           KIND / id: goes when the group acknowledged the message
//	m/i/ KIND …                    how many there are: of a kind, of one in a partition, sockets of a queue
//	m/e/ time(8) id                a queue that is to go at a time, unused as it is
//	m/x/ id                        a node that was removed: the index(8) of the entry that did so
const (
	objects       = "m/o/"
	names         = "m/n/"
	referrers     = "m/r/"
	groups        = "m/g/"
	configured    = "m/c/"
	boundTo       = "m/b/"
	stagings      = "m/f/"
	histories     = "m/h/"
	disappearing  = "m/d/"
	counts        = "m/i/"
	expiries      = "m/e/"
	removedNodes  = "m/x/"
	pathSeparator = "/"
)

// noun is the word for a kind: "socket".
func noun(kind messages.Kind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}

// kindOf is the kind that a noun stands for.
func kindOf(noun string) messages.Kind {
	return messages.Kind(messages.Kind_value["KIND_"+strings.ToUpper(noun)])
}

func path(prefix string, parts ...string) []byte {
	return []byte(prefix + strings.Join(parts, pathSeparator))
}

func objectKey(kind messages.Kind, id string) []byte { return path(objects, noun(kind), id) }

func nameKey(kind messages.Kind, name string) []byte { return path(names, noun(kind), name) }

func configuredKey(kind messages.Kind, id string) []byte { return path(configured, noun(kind), id) }

func boundKey(queue, socket string) []byte { return path(boundTo, queue, socket) }

func referrerKey(to reference, from *messages.Object) []byte {
	return path(referrers, noun(to.kind), to.id, noun(from.Kind), from.Id)
}

func removedKey(node string) []byte { return path(removedNodes, node) }

func stagedKey(processor string) []byte { return path(stagings, processor) }

func historyPrefix(processor string) []byte { return path(histories, processor, "") }

func historyKey(processor string, index uint64) []byte {
	return binary.BigEndian.AppendUint64(historyPrefix(processor), index)
}

func groupKey(group messages.GroupID) []byte {
	return binary.BigEndian.AppendUint32([]byte(groups), uint32(group))
}

func disappearingKey(group messages.GroupID, seq uint64) []byte {
	key := binary.BigEndian.AppendUint32([]byte(disappearing), uint32(group))
	return binary.BigEndian.AppendUint64(key, seq)
}
