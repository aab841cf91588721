using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.TestSupport;

namespace MergeTasks.Checkpoints.Tests;

public sealed class ShardedCheckpoints : IDisposable
{
    private static readonly TensorSpec[] Specs =
    [
        new("b", DType.BF16, [3, 5]),
        new("a", DType.F32, [7]),
        new("empty", DType.F32, [0, 4]),
        new("scalar", DType.I64, []),
        new("c", DType.U8, [3]),
        new("large", DType.F64, [40, 10]),
    ];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_layout_does_not_depend_on_the_order_of_the_input()
    {
        var expected = ShardLayout.Plan(Specs, 100);
        var reversed = ShardLayout.Plan(Specs.Reverse(), 100);
        Assert.Equal(expected.Select(shard => (shard.FileName, shard.Length, Convert.ToHexString(shard.Header))),
            reversed.Select(shard => (shard.FileName, shard.Length, Convert.ToHexString(shard.Header))));
    }

    [Fact]
    public void Shards_keep_to_the_limit_and_a_larger_tensor_has_one_of_its_own()
    {
        var shards = ShardLayout.Plan(Specs, 64);
        Assert.Equal(
            Specs.Select(spec => spec.Name).Order(StringComparer.Ordinal),
            shards.SelectMany(shard => shard.Tensors).Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        Assert.All(
            shards,
            shard =>
                Assert.True(
                    shard.Tensors.Count(tensor => tensor.ByteLength > 0) == 1 || shard.Tensors.Sum(tensor => tensor.ByteLength) <= 64));
        Assert.Equal(shards.Select((_, i) => $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors"), shards.Select(shard => shard.FileName));
    }

    [Fact]
    public void Every_element_is_aligned_to_its_size() =>
        Assert.All(
            ShardLayout.Plan(Specs, 0).SelectMany(shard => shard.Tensors), tensor => Assert.Equal(0, tensor.Offset % tensor.DType.Size()));

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(64, true)]
    [InlineData(1000, false)]
    public void What_is_written_is_read_back_by_an_independent_reader_and_by_our_own(long maxShardSize, bool bypassPageCache)
    {
        var random = new Random(1);
        var content = Specs.ToDictionary(
            spec => spec.Name, spec => new byte[new TensorInfo(spec.Name, spec.DType, spec.Shape, 0).ByteLength]);
        foreach (var bytes in content.Values)
            random.NextBytes(bytes);
        var shards = ShardLayout.Plan(Specs, maxShardSize);
        using (var pool = new BlockPool(1))
        {
            foreach (var shard in shards)
            {
                using var file = new BlockFile(_folder[shard.FileName], shard.Length, pool, bypassPageCache, _ => { }, default);
                file.Write(0, shard.Header);
                foreach (var tensor in shard.Tensors.Reverse())
                    file.Write(tensor.Offset, content[tensor.Name]);
                file.Complete();
            }
        }

        if (shards.Count > 1)
            File.WriteAllBytes(
                _folder[ShardIndex.FileName],
                ShardIndex.Write(shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName))), 0));
        var read = TestCheckpoint.Read(_folder.Path);
        Assert.Equal(content.Keys.Order(StringComparer.Ordinal), read.Keys.Order(StringComparer.Ordinal));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        foreach (var spec in Specs)
        {
            Assert.Equal(spec.DType.SafetensorsName(), read[spec.Name].DType);
            Assert.Equal(content[spec.Name], read[spec.Name].Bytes);
            Assert.Equal(spec.Shape, read[spec.Name].Shape);
            var own = new byte[content[spec.Name].Length];
            checkpoint.Read(spec.Name, 0, own);
            Assert.Equal(content[spec.Name], own);
        }
    }

    [Fact]
    public void A_block_file_that_is_not_filled_does_not_pass_for_complete()
    {
        using var pool = new BlockPool(1);
        using var file = new BlockFile(_folder["x"], 100, pool, false, _ => { }, default);
        file.Write(0, new byte[99]);
        Assert.Throws<InvalidOperationException>(file.Complete);
        file.Write(99, new byte[1]);
        file.Complete();
    }

    [Theory]
    [InlineData("../outside.safetensors")]
    [InlineData("/etc/outside.safetensors")]
    [InlineData("sub/inside.safetensors")]
    [InlineData("..\\\\outside.safetensors")]
    [InlineData("C:outside.safetensors")]
    [InlineData("model.bin")]
    [InlineData("")]
    public void An_index_cannot_point_elsewhere(string file)
    {
        Refused($$$"""{"weight_map":{"a":"{{{file}}}"}}""", "is not a .safetensors file name in the same folder");
    }

    [Theory]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "no object 'weight_map'")]
    [InlineData("{}", "no object 'weight_map'")]
    [InlineData("""{"weight_map":[]}""", "no object 'weight_map'")]
    [InlineData("""{"weight_map":{}}""", "names no tensor")]
    [InlineData("""{"weight_map":{"a":7}}""", "is not a .safetensors file name")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}""", "twice")]
    [InlineData("""{"weight_map":{"a":"x.safetensors"}}""", "not in its folder")]
    public void An_index_that_makes_no_sense_is_refused(string index, string reason) => Refused(index, reason);

    [Fact]
    public void An_index_that_names_the_wrong_shard_is_refused()
    {
        TestCheckpoint.WriteFile(_folder["x.safetensors"], ("a", RawTensor.F32([1], 1)));
        Refused("""{"weight_map":{"b":"x.safetensors"}}""", "does not hold it");
    }

    [Fact]
    public void Pickles_under_another_name_are_refused_with_the_right_one()
    {
        File.WriteAllText(_folder["model.pt"], "x");
        var exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(CheckpointError.RefusedFormat, exception.Error);
        Assert.Contains("'pytorch_model.bin'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"torch_dtype": "float32", "x": 1.0}""", """{"torch_dtype": "bfloat16", "x": 1.0}""")]
    [InlineData("{\n  \"dtype\": \"float32\",\n  \"x\": 1e5\n}\n", "{\n  \"dtype\": \"bfloat16\",\n  \"x\": 1e5\n}\n")]
    [InlineData("{\n  \"x\": \"å\"\n}", "{\n  \"torch_dtype\": \"bfloat16\",\n  \"x\": \"å\"\n}")]
    [InlineData("{}", """{"torch_dtype": "bfloat16"}""")]
    [InlineData("""{"torch_dtype": null}""", """{"torch_dtype": "bfloat16"}""")]
    [InlineData(
        """{"text_config": {"torch_dtype": "float16"}, "dtype": "float16"}""",
        """{"text_config": {"torch_dtype": "bfloat16"}, "dtype": "bfloat16"}""")]
    [InlineData(
        """{"quantization_config": {"dtype": "nf4"}, "torch_dtype": "float16"}""",
        """{"quantization_config": {"dtype": "nf4"}, "torch_dtype": "bfloat16"}""")]
    public void A_configs_element_type_is_set_and_no_other_byte_changes(string config, string expected)
    {
        File.WriteAllText(_folder["config.json"], config);
        var text = System.Text.Encoding.UTF8.GetString(ModelConfig.Read(_folder.Path).With(DType.BF16).Text);
        Assert.Equal(expected, text);
        JsonDocument.Parse(text).Dispose();
    }

    private void Refused(string index, string reason)
    {
        File.WriteAllText(_folder[ShardIndex.FileName], index);
        var exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(CheckpointError.BadIndex, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }
}
