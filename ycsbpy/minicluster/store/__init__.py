"""A store, TiKV in the small: replicas of Regions on one RocksDB, served over TiKV's own gRPC service."""
