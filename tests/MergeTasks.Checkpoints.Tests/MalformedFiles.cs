using System.Buffers.Binary;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.TestSupport;

namespace MergeTasks.Checkpoints.Tests;

/// <summary>The rules of the safetensors format, one broken per row, as its specification and reference implementation have them.</summary>
public sealed class MalformedFiles : IDisposable
{
    private const string Good =
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}""";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_file_that_the_others_are_made_from_is_valid()
    {
        TestCheckpoint.WriteRaw(_folder["x"], Good, new byte[12]);
        using var file = SafetensorsFile.Open(_folder["x"]);
        Assert.Equal(["a", "b"], file.Header.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(8 + Good.Length + 8, file.Header.Tensors[1].Offset);
    }

    [Theory]
    [InlineData("", 0, "too few")]
    [InlineData("[]", 0, "does not begin with")]
    [InlineData(" {}", 0, "does not begin with")]
    [InlineData("{ ", 0, "not valid JSON")]
    [InlineData("{}x", 0, "not valid JSON")]
    [InlineData("{\"\xff\":{}}", 0, "")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "twice")]
    [InlineData("""{"a":3}""", 0, "not an object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "needs dtype")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,8]}}""", 8, "needs dtype")]
    [InlineData("""{"a":{"shape":[2],"data_offsets":[0,8]}}""", 8, "needs dtype")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype 'F33'")]
    [InlineData("""{"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}}""", 8, "unexpected or repeated field 'extra'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", 8, "names 'shape' twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}}""", 8, "two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "not a whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "not a whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", 8, "not a whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "not a list")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "does not fill")]
    [InlineData("""{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,9223372036854775807]}}""", 0, "does not fill")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 0, "beyond any file's end")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""", 8, "not a whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "leaves a hole")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlaps")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "damaged")]
    [InlineData("""{"__metadata__":[]}""", 0, "__metadata__ is not an object")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "not a string")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "names 'a' twice")]
    public void A_broken_rule_is_named(string header, int dataLength, string reason)
    {
        TestCheckpoint.WriteRaw(_folder["x"], header, new byte[dataLength]);
        var exception = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder["x"]));
        Assert.Equal(CheckpointError.Malformed, exception.Error);
        Assert.Equal(_folder["x"], exception.Path);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x7fff_ffff_ffff_ffff, "at most")]
    [InlineData(-1, "at most")]
    [InlineData(100_000_001, "at most")]
    [InlineData(99_999_999, "truncated")]
    [InlineData(1, "too few")]
    [InlineData(0, "too few")]
    public void A_header_length_that_cannot_be_is_refused_before_memory_is_taken(long length, string reason)
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        File.WriteAllBytes(_folder["x"], bytes);
        Assert.Contains(
            reason, Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder["x"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_is_an_error_and_no_stack_overflow()
    {
        TestCheckpoint.WriteRaw(
            _folder["x"], """{"a":{"dtype":"F32","shape":""" + new string('[', 100_000) + new string(']', 100_000) + "}}", []);
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder["x"]));
    }

    [Fact]
    public void Cut_off_anywhere_it_is_refused()
    {
        TestCheckpoint.WriteRaw(_folder["x"], Good, new byte[12]);
        var bytes = File.ReadAllBytes(_folder["x"]);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(_folder["x"], bytes[..length]);
            Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder["x"]));
        }
    }

    [Fact]
    public void With_any_byte_changed_it_is_read_or_refused_and_nothing_else()
    {
        TestCheckpoint.WriteRaw(_folder["x"], Good, new byte[12]);
        var bytes = File.ReadAllBytes(_folder["x"]);
        var refused = 0;
        for (var position = 0; position < 8 + Good.Length; position++)
        {
            foreach (var value in new byte[] { 0, (byte)'"', (byte)'0', (byte)'}', (byte)',', 0xff, (byte)(bytes[position] ^ 1) })
            {
                var changed = (byte[])bytes.Clone();
                changed[position] = value;
                File.WriteAllBytes(_folder["x"], changed);
                if (Record.Exception(() => SafetensorsFile.Open(_folder["x"]).Dispose()) is not { } exception)
                    continue;
                Assert.IsType<CheckpointException>(exception);
                refused++;
            }
        }

        Assert.True(refused > Good.Length, "Most changes break a rule.");
    }
}
