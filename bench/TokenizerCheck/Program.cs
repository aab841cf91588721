using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MergeTasks.Transformers.Tokenization;

// Compares the tokenizer with what the reference implementation wrote (reference.mjs):
//   dotnet run -c Release --project bench/TokenizerCheck -- TOKENIZER.json CASES.jsonl
// or measures its speed on a text file:
//   dotnet run -c Release --project bench/TokenizerCheck -- TOKENIZER.json --speed TEXT.txt
if (args.Length is not (2 or 3))
{
    Console.Error.WriteLine("usage: TokenizerCheck TOKENIZER.json (CASES.jsonl | --speed TEXT.txt)");
    return 2;
}

var loading = Stopwatch.StartNew();
var tokenizer = Tokenizer.Load(args[0]);
Console.WriteLine($"loaded {args[0]} in {loading.Elapsed.TotalSeconds:F1} s");
if (args[1] == "--speed")
{
    var text = File.ReadAllText(args[2]);
    for (var round = 1; round <= 3; round++)
    {
        var clock = Stopwatch.StartNew();
        var ids = tokenizer.Encode(text, addSpecialTokens: false);
        Console.WriteLine(
            $"round {round}: {ids.Length} tokens, {new FileInfo(args[2]).Length / 1e6 / clock.Elapsed.TotalSeconds:F2} MB/s");
    }

    return 0;
}

var cases = 0;
var differences = 0;
foreach (var line in File.ReadLines(args[1]))
{
    using var document = JsonDocument.Parse(line);
    var root = document.RootElement;
    cases++;
    int[] ids;
    string? wrong = null;
    if (root.TryGetProperty("decode", out var random))
    {
        ids = Ids(random);
    }
    else
    {
        ids = Ids(root.GetProperty("ids"));
        var actual = tokenizer.Encode(Text(root), root.GetProperty("special").GetBoolean());
        if (!actual.AsSpan().SequenceEqual(ids)) wrong = $"ids      {string.Join(' ', actual)}\n  instead of {string.Join(' ', ids)}";
    }

    if (tokenizer.Decode(ids, skipSpecialTokens: false) != root.GetProperty("back").GetString()) wrong ??= "decoded text";
    if (tokenizer.Decode(ids, skipSpecialTokens: true) != root.GetProperty("skip").GetString())
        wrong ??= "decoded text without special tokens";
    if (wrong is null) continue;
    if (differences++ < 10) Console.WriteLine($"{line}\n  {wrong}");
}

Console.WriteLine($"{cases} cases, {differences} differences");
return differences == 0 ? 0 : 1;

static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetInt32())];

static string Text(JsonElement root) =>
    root.TryGetProperty("utf16", out var units)
        ? string.Concat(
            units.GetString()!.Split(' ').Select(u => (char)ushort.Parse(u, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))
        : root.GetProperty("text").GetString()!;
