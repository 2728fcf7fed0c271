package main

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where things stand in the header of a record batch (version 2), big-endian:
// https://kafka.apache.org/documentation/#recordbatch
const (
	magicAt          = 16 // 1 byte
	checksumAt       = 17 // 4 bytes, CRC-32C of all that follows
	attributesAt     = 21 // 2 bytes
	firstTimestampAt = 27 // 8 bytes, ms; records hold their distance from it
	maxTimestampAt   = 35 // 8 bytes, ms
	headerBytes      = 61
)

// stampsEach is how many produce requests one control function sees: kfake remembers the last request of
// every connection for it, for ever.
const stampsEach = 1000

// stampArrival gives records the broker's time, as topics with message.timestamp.type = LogAppendTime do on
// a real cluster: the life of a command counts from there. kfake keeps that setting without acting on it, so
// each batch is shifted in time as a whole, its latest record to now.
func stampArrival(cluster *kfake.Cluster) {
	table := crc32.MakeTable(crc32.Castagnoli)
	seen := 0
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if produce, ok := request.(*kmsg.ProduceRequest); ok {
			now := time.Now().UnixMilli()
			for _, topic := range produce.Topics {
				for _, partition := range topic.Partitions {
					stamp(partition.Records, now, table)
				}
			}
		}
		if seen++; seen >= stampsEach {
			cluster.DropControl()
			stampArrival(cluster)
		}
		return nil, nil, false
	})
}

// stamp shifts one batch that is whole; kfake refuses the others as they are.
func stamp(batch []byte, now int64, table *crc32.Table) {
	if len(batch) < headerBytes || batch[magicAt] != 2 ||
		binary.BigEndian.Uint32(batch[checksumAt:]) != crc32.Checksum(batch[attributesAt:], table) {
		return
	}
	first := int64(binary.BigEndian.Uint64(batch[firstTimestampAt:]))
	last := int64(binary.BigEndian.Uint64(batch[maxTimestampAt:]))
	if last < first {
		return
	}
	binary.BigEndian.PutUint64(batch[firstTimestampAt:], uint64(now-(last-first)))
	binary.BigEndian.PutUint64(batch[maxTimestampAt:], uint64(now))
	binary.BigEndian.PutUint32(batch[checksumAt:], crc32.Checksum(batch[attributesAt:], table))
}
