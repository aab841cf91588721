using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Pickled;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.TestSupport;

namespace MergeTasks.Checkpoints.Tests;

/// <summary>Files that PyTorch wrote (Data/torch/make.py) are read as weights, and nothing in them is run.</summary>
public sealed class TorchFiles : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("module.bin", DType.F32)]
    [InlineData("module-legacy.bin", DType.F32)]
    internal void A_modules_state_is_read(string name, DType dtype)
    {
        using var checkpoint = Open(name);
        Assert.Equal(["bias", "weight"], checkpoint.Names);
        Assert.Equal(dtype, checkpoint.Find("weight")!.DType);
        Assert.Equal([3L, 4], checkpoint.Find("weight")!.Shape);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (float)i), Values(checkpoint, "weight"));
        Assert.Equal([0f, 1, 2], Values(checkpoint, "bias"));
    }

    [Theory]
    [InlineData("f16.bin", DType.F16)]
    [InlineData("bf16.bin", DType.BF16)]
    [InlineData("f64.bin", DType.F64)]
    internal void Element_types_are_read(string name, DType dtype)
    {
        using var checkpoint = Open(name);
        Assert.Equal(dtype, checkpoint.Find("a.weight")!.DType);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (float)i), Values(checkpoint, "a.weight"));
        Assert.Equal([-2f, -1, 0, 1], Values(checkpoint, "a.bias"));
    }

    [Fact]
    public void Whole_numbers_are_read()
    {
        using var checkpoint = Open("i64.bin");
        Assert.Equal(DType.I64, checkpoint.Find("a.bias")!.DType);
        var bytes = new byte[32];
        checkpoint.Read("a.bias", 0, bytes);
        Assert.Equal(-2, BitConverter.ToInt64(bytes));
    }

    [Fact]
    public void Views_of_one_storage_are_read()
    {
        using var checkpoint = Open("shared.bin");
        Assert.Equal([0f, 1, 2, 3], Values(checkpoint, "first"));
        Assert.Equal([0f, 1, 2, 3], Values(checkpoint, "again"));
        Assert.Equal([4f, 5, 6, 7, 8, 9, 10, 11], Values(checkpoint, "second"));
    }

    [Theory]
    [InlineData("trainer.bin", "a.weight")]
    [InlineData("parameter.bin", "w")]
    public void Weights_are_found_among_other_things(string name, string tensor)
    {
        using var checkpoint = Open(name);
        Assert.Contains(tensor, checkpoint.Names);
    }

    [Theory]
    [InlineData("runs.bin", CheckpointError.RefusedFormat, "posix.system")]
    [InlineData("runs-legacy.bin", CheckpointError.RefusedFormat, "posix.system")]
    [InlineData("object.bin", CheckpointError.RefusedFormat, "torch.nn.modules.linear.Linear")]
    [InlineData("turned.bin", CheckpointError.Malformed, "'w'")]
    [InlineData("plain.bin", CheckpointError.Malformed, "magic")]
    internal void Everything_else_is_refused_by_name(string name, CheckpointError error, string reason)
    {
        var exception = Assert.Throws<CheckpointException>(() => Open(name));
        Assert.Equal(error, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists("was-run"));
    }

    [Fact]
    public void Shards_are_found_by_their_index()
    {
        File.Copy(Data("module.bin"), _folder["pytorch_model-00001-of-00002.bin"]);
        File.Copy(Data("f16.bin"), _folder["pytorch_model-00002-of-00002.bin"]);
        File.WriteAllText(
            _folder["pytorch_model.bin.index.json"],
            """
            {"weight_map": {"weight": "pytorch_model-00001-of-00002.bin", "bias": "pytorch_model-00001-of-00002.bin",
             "a.weight": "pytorch_model-00002-of-00002.bin", "a.bias": "pytorch_model-00002-of-00002.bin"}}
            """);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["a.bias", "a.weight", "bias", "weight"], checkpoint.Names);
    }

    [Fact]
    public void Safetensors_come_first()
    {
        File.Copy(Data("module.bin"), _folder["pytorch_model.bin"]);
        TestCheckpoint.WriteFile(_folder["model.safetensors"], ("x", RawTensor.F32([1], 1)));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["x"], checkpoint.Names);
    }

    /// <summary>Whatever a byte becomes, there is a result or a reason, soon.</summary>
    [Theory]
    [InlineData("module.bin")]
    [InlineData("module-legacy.bin")]
    [InlineData("trainer.bin")]
    [InlineData("runs.bin")]
    public void A_mutated_file_is_read_or_refused(string name)
    {
        var original = File.ReadAllBytes(Data(name));
        var random = new Random(name.Length);
        var path = _folder["pytorch_model.bin"];
        var refused = 0;
        for (var i = 0; i < 400; i++)
        {
            var bytes = original.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(bytes.Length);
                switch (random.Next(4))
                {
                    case 0:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes[at] ^= (byte)(1 << random.Next(8));
                        break;
                    case 2:
                        bytes.AsSpan(at, Math.Min(8, bytes.Length - at)).Fill((byte)(random.Next(2) * 255));
                        break;
                    default:
                        bytes = bytes[..at] is { Length: > 0 } shorter ? shorter : bytes;
                        break;
                }
            }

            File.WriteAllBytes(path, bytes);
            try
            {
                using var checkpoint = Checkpoint.Open(_folder.Path);
                foreach (var tensor in checkpoint.Names)
                    checkpoint.Read(tensor, 0, new byte[checkpoint.Find(tensor)!.ByteLength]);
            }
            catch (CheckpointException e)
            {
                refused++;
                Assert.NotEmpty(e.Message);
            }
        }

        Assert.InRange(refused, 40, 400);
    }

    /// <summary>Every instruction, on every kind of value that may lie on the stack, with any bytes after it.</summary>
    [Fact]
    public void Every_instruction_gives_a_value_or_a_reason()
    {
        string[] before =
        [
            "", "(", "N", "K\u0001", "]", "}", ")", "X\u0001\0\0\0a", "(K\u0001K\u0002", "}(K\u0001K\u0002", "](K\u0001", ")\u0085", "}N", "]N", "}NN",
            "ccollections\nOrderedDict\n", "ccollections\nOrderedDict\n)", "ctorch._utils\n_rebuild_tensor_v2\n)", "ctorch\nSize\n]\u0085",
            "X\u0001\0\0\0aX\u0001\0\0\0b", "Kaq\u0000", "((((", "]]]]]q\u0000h\u0000a",
        ];
        var random = new Random(2);
        var read = 0;
        foreach (var prefix in before)
            for (var code = 0; code < 256; code++)
            {
                var after = new byte[12];
                random.NextBytes(after);
                byte[] bytes = [0x80, 2, .. prefix.Select(letter => (byte)letter), (byte)code, .. after, (byte)'.'];
                try
                {
                    new PickleReader(bytes).Read();
                    read++;
                }
                catch (PickleException e)
                {
                    Assert.NotEmpty(e.Reason);
                }
            }

        Assert.InRange(read, 1, before.Length * 256 / 2);
    }

    /// <summary>What is written once and named a thousand times must not become a thousand copies.</summary>
    [Fact]
    public void Values_are_not_copied_as_often_as_a_pickle_names_them()
    {
        // A list of 20,000 pairs, of which a dictionary is made 20,000 times; and a tensor with 20,000 dimensions.
        byte[] pair = [.. "K\u0001K\u0002"u8, 0x86, (byte)'q', 0];
        var pairs = Enumerable.Repeat("h\0"u8.ToArray(), 20_000).SelectMany(bytes => bytes);
        var calls = Enumerable.Repeat("ccollections\nOrderedDict\nh\u0001\u0085R0"u8.ToArray(), 20_000).SelectMany(bytes => bytes)
            .Where(value => value != 0xc2);
        byte[] copies = [0x80, 2, .. pair, (byte)'0', .. "]q\u0001("u8, .. pairs, (byte)'e', .. calls, (byte)'.'];
        Assert.Contains("again and again", Assert.Throws<PickleException>(() => new PickleReader(copies).Read()).Reason, StringComparison.Ordinal);

        byte[] storage = [.. "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\0aX\u0003\0\0\0cpuK\u0001tQ"u8];
        var sizes = Enumerable.Repeat("K\u0001"u8.ToArray(), 20_000).SelectMany(bytes => bytes).ToArray();
        byte[] wide =
        [
            0x80, 2, .. "ctorch._utils\n_rebuild_tensor_v2\n("u8, .. storage, .. "K\0("u8, .. sizes, .. "t("u8, .. sizes, .. "tt"u8, (byte)'R',
            (byte)'.',
        ];
        Assert.Contains(
            "_rebuild_tensor_v2", Assert.Throws<PickleException>(() => new PickleReader(wide).Read()).Reason, StringComparison.Ordinal);
    }

    private static float[] Values(Checkpoint checkpoint, string name)
    {
        var info = checkpoint.Find(name)!;
        var bytes = new byte[info.ByteLength];
        checkpoint.Read(name, 0, bytes);
        var values = new float[info.ElementCount];
        ElementConversion.ToSingle(info.DType, bytes, values);
        return values;
    }

    private Checkpoint Open(string name)
    {
        File.Copy(Data(name), _folder["pytorch_model.bin"], overwrite: true);
        return Checkpoint.Open(_folder.Path);
    }

    private static string Data(string name) =>
        Path.Combine(RepositoryFolder.Root, "tests", "MergeTasks.Checkpoints.Tests", "Data", "torch", name);
}
