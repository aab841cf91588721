using System.Text;
using MergeTasks.Files.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Files.Tests;

/// <summary>Records of this project's own that somebody has damaged are never half believed.</summary>
public sealed class Records
{
    private sealed record Inner(int Number);

    private sealed record Sample(string Name, Inner Inner, double Value, IReadOnlyList<string> Names);

    [Fact]
    public void What_was_written_is_read()
    {
        using var folder = new TempFolder();
        foreach (var value in new[] { 1.5, double.NaN, double.PositiveInfinity, double.NegativeInfinity })
        {
            File.WriteAllBytes(folder["x"], RecordFile.ToBytes(new Sample("é\ud83d\ude00", new Inner(3), value, ["a"])));
            var read = RecordFile.Read<Sample>(folder["x"]);
            Assert.Equal(("é\ud83d\ude00", 3, value, "a"), (read.Name, read.Inner.Number, read.Value, Assert.Single(read.Names)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\0\0\0\0")]
    [InlineData("{}")]
    [InlineData("""{"Name":"a","Inner":{"Number":1},"Value":1}""")]
    [InlineData("""{"Name":null,"Inner":{"Number":1},"Value":1,"Names":[]}""")]
    [InlineData("""{"Name":"a","Inner":null,"Value":1,"Names":[]}""")]
    [InlineData("""{"Name":"a","Inner":{},"Value":1,"Names":[]}""")]
    [InlineData("""{"Name":"a","Inner":{"Number":1e99},"Value":1,"Names":[]}""")]
    [InlineData("""{"Name":"a","Inner":{"Number":1},"Value":"much","Names":[]}""")]
    [InlineData("""{"Name":"a","Inner":{"Number":1},"Value":1,"Names":"b"}""")]
    [InlineData("""{"Name":"a","Name":"b","Inner":{"Number":1},"Value":1,"Names":[]}""")]
    [InlineData("""{"Name":"\ud800","Inner":{"Number":1},"Value":1,"Names":[]}""")]
    public void A_damaged_one_is_a_fault(string text)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["x"], text);
        Assert.Equal(FileFaultKind.Malformed, Assert.Throws<FileFault>(() => RecordFile.Read<Sample>(folder["x"])).Kind);
    }

    [Fact]
    public void Cut_off_anywhere_it_is_a_fault()
    {
        using var folder = new TempFolder();
        var bytes = RecordFile.ToBytes(new Sample("name", new Inner(3), 1, ["a", "b"]));
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(folder["x"], bytes[..length]);
            Assert.Throws<FileFault>(() => RecordFile.Read<Sample>(folder["x"]));
        }
    }
}
