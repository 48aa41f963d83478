"""The shard contract: schema, writer, index and reader. The only thing that maker and trainer share."""
