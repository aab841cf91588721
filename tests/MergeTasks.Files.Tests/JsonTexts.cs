using System.Text;
using System.Text.Json;
using MergeTasks.Files.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Files.Tests;

/// <summary>What counts as JSON, wherever it is read; the mark ‸ stands where the fault must point.</summary>
public sealed class JsonTexts
{
    [Theory]
    [InlineData("{}")]
    [InlineData("\uFEFF{}")]
    [InlineData(" \t\r\n[1, -2.5e3, \"x\", null, true]\n")]
    [InlineData("""{"a": {"b": 1}, "b": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}""")]
    [InlineData("""{"a": 1, "A": 2, "": 3, " ": 4}""")]
    [InlineData("""{"\ud83d\ude00": "\ud83d\ude00 \u0000 \\ud800"}""")]
    [InlineData("\"😀\"")]
    [InlineData("1e999")]
    public void Is_read(string text)
    {
        using var json = StrictJson.Parse(Encoding.UTF8.GetBytes(text), "x.json");
        using var reference = JsonDocument.Parse(text.TrimStart('\uFEFF'));
        Assert.True(JsonElement.DeepEquals(reference.RootElement, json.RootElement));
    }

    [Theory]
    [InlineData("‸", "not valid JSON")]
    [InlineData("{\n  \"a\": nul‸\n}", "not valid JSON")]
    [InlineData("{\"a\": 1} ‸{}", "not valid JSON")]
    [InlineData("{\"a\": 1,‸}", "not valid JSON")]
    [InlineData("{‸// no\n\"a\": 1}", "not valid JSON")]
    [InlineData("{\"a\": ‸NaN}", "not valid JSON")]
    [InlineData("{\"a\": -‸Infinity}", "not valid JSON")]
    [InlineData("\uFEFF‸\uFEFF{}", "not valid JSON")]
    [InlineData("{\"a\": 1, ‸\"a\": 2}", "names 'a' twice in one object")]
    [InlineData("{\"\": {\n\"é\": 1, ‸\"\\u00e9\": 2}}", "names 'é' twice in one object")]
    [InlineData("[[{\"x\": {\"k\": 0}, ‸\"x\": 0}]]", "names 'x' twice in one object")]
    [InlineData("{\"a\\nb\": 1, ‸\"a\\u000ab\": 2}", "names 'a\\u000ab' twice in one object")]
    [InlineData("{\"a\": ‸\"\\ud800\"}", "no valid Unicode in 'a'")]
    [InlineData("{\"a\": [\"ok\",\n ‸\"\\udc00\\ud800\"]}", "no valid Unicode")]
    [InlineData("{‸\"\\ud800\": 1}", "no valid Unicode")]
    [InlineData("{\"é\": 1, ‸\"x\\ud83dy\": 1}", "no valid Unicode")]
    [InlineData("‸\"\\uDFFF\"", "no valid Unicode")]
    public void Is_refused_where_it_is_wrong(string text, string reason)
    {
        var mark = text.IndexOf('‸', StringComparison.Ordinal);
        var before = text[..mark].TrimStart('\uFEFF');
        var fault = Refused(Encoding.UTF8.GetBytes(text.Remove(mark, 1)));
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        Assert.Equal((before.Count(c => c == '\n') + 1, before.Length - before.LastIndexOf('\n')), (fault.Line, fault.Column));
        Assert.Contains($"(line {fault.Line}, column {fault.Column})", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'"', 0x80, (byte)'"' }, 2)]
    [InlineData(new byte[] { (byte)'"', (byte)'a', 0xC0, 0xAF, (byte)'"' }, 3)]
    [InlineData(new byte[] { (byte)'"', 0xED, 0xA0, 0x80, (byte)'"' }, 2)]
    [InlineData(new byte[] { (byte)'"', 0xF4, 0x90, 0x80, 0x80, (byte)'"' }, 2)]
    [InlineData(new byte[] { (byte)'[', 0xC3, 0xA9, 0xFF, (byte)']' }, 3)]
    [InlineData(new byte[] { (byte)'"', 0xE2, 0x82 }, 2)]
    public void Bytes_that_are_no_UTF8_are_refused(byte[] text, int column)
    {
        var fault = Refused(text);
        Assert.Contains("not valid UTF-8", fault.Message, StringComparison.Ordinal);
        Assert.Equal((1, column), (fault.Line, fault.Column));
    }

    [Fact]
    public void Other_encodings_are_named()
    {
        Assert.Contains(
            "UTF-16", Refused([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("{}")]).Message, StringComparison.Ordinal);
        Assert.Contains(
            "UTF-16",
            Refused([.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes("{}")]).Message,
            StringComparison.Ordinal);
        Refused(Encoding.Unicode.GetBytes("{}"));
        Refused(Encoding.UTF32.GetBytes("{}"));
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    [InlineData(100_000, false)]
    public void Depth_has_a_limit(int levels, bool isRead)
    {
        foreach (var (open, close) in new[] { ("[", "]"), ("{\"a\":", "}") })
        {
            var text = Encoding.UTF8.GetBytes(
                string.Concat(Enumerable.Repeat(open, levels)) + "0" + string.Concat(Enumerable.Repeat(close, levels)));
            if (isRead)
                StrictJson.Parse(text, "x.json").Dispose();
            else
                Assert.Contains("not valid JSON", Refused(text).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_long_name_in_a_message_is_cut()
    {
        var key = new string('k', 1_000_000);
        var fault = Refused(Encoding.UTF8.GetBytes($$"""{"{{key}}": 1, "{{key}}": 2}"""));
        Assert.True(fault.Message.Length < 500);
        Assert.Contains("1000000 characters", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_way_of_reading_refuses_alike()
    {
        using var folder = new TempFolder();
        foreach (var text in new[] { """{"a": 1, "a": 2}""", """{"a": "\ud800"}""", "{", "" })
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            File.WriteAllBytes(folder["x.json"], bytes);
            Assert.Throws<FileFault>(() => StrictJson.Parse(bytes, "x"));
            Assert.Throws<FileFault>(() => StrictJson.ParseObject(bytes, "x"));
            Assert.Throws<FileFault>(() => StrictJson.Parse<Dictionary<string, object>>(bytes, "x", RecordFile.Options));
            Assert.Throws<FileFault>(() => StrictJson.Check(bytes, "x"));
            Assert.Throws<FileFault>(() => StrictJson.Read(folder["x.json"]));
            Assert.Throws<FileFault>(() => RecordFile.Read<Dictionary<string, object>>(folder["x.json"]));
            if (text.Length > 0)
                Assert.Throws<FileFault>(() => JsonLineFile.Read(folder["x.json"]).ToList());
        }
    }

    [Theory]
    [InlineData("{\"n\":1}\n{\"n\":2}\n", "1:1 2:2")]
    [InlineData("{\"n\":1}\r\n\r\n{\"n\":2}", "1:1 3:2")]
    [InlineData("\uFEFF{\"n\":1}\r{\"n\":2}\r\r\n \t\n{\"n\":3}\n\n", "1:1 2:2 5:3")]
    [InlineData("", "")]
    [InlineData("\n \n", "")]
    public void Lines_keep_their_numbers(string text, string expected)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["x.jsonl"], text);
        Assert.Equal(
            expected, string.Join(' ', JsonLineFile.Read(folder["x.jsonl"]).Select(line => $"{line.Line}:{line.Json.GetProperty("n")}")));
    }

    [Fact]
    public void A_fault_in_a_line_names_its_number()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["x.jsonl"], "{\"n\":1}\n\n{\"n\":1,\"n\":2}\n");
        var fault = Assert.Throws<FileFault>(() => JsonLineFile.Read(folder["x.jsonl"]).ToList());
        Assert.Equal((3, 8), (fault.Line, fault.Column));
        Assert.Contains("(line 3, column 8)", fault.Message, StringComparison.Ordinal);
    }

    private static FileFault Refused(byte[] text)
    {
        var fault = Assert.Throws<FileFault>(() => StrictJson.Parse(text, "x.json"));
        Assert.Equal((FileFaultKind.Malformed, "x.json"), (fault.Kind, fault.Path));
        Assert.StartsWith("'x.json' ", fault.Message, StringComparison.Ordinal);
        return fault;
    }
}
