using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Compatibility mode against outputs of mergekit 0.1.5 (CPU, seed 0, its sorts made stable): equal bit for bit, told by a digest of all
/// tensors; and close where mergekit's own result depends on the order of its sums.
/// </summary>
public sealed class AgainstMergekit : IDisposable
{
    private static readonly string Data = Path.Combine(AppContext.BaseDirectory, "Data", "mergekit");

    private readonly MergeWorkspace _space = new();

    public static TheoryData<string> Equal =>
        [.. Known("equal.json").Keys];

    public void Dispose() => _space.Dispose();

    [Theory]
    [MemberData(nameof(Equal))]
    public void Recipes_are_merged_to_the_last_bit(string recipe)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in Merged(recipe).OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            digest.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.DType}\n"));
            digest.AppendData(tensor.Bytes);
        }

        Assert.Equal(Known("equal.json")[recipe], Convert.ToHexStringLower(digest.GetHashAndReset()));
    }

    // The ids of tokens that a union adds, and which of two layers made from one stored layer draws its mask first, change from run to run
    // of mergekit. Told by a digest of the tensors' own digests in order, with the rows of embeddings in the order of their tokens.
    [Theory]
    [InlineData("tok-padded-union")]
    [InlineData("tok-union-bf16")]
    [InlineData("diff-06")]
    public void What_mergekit_orders_by_chance_is_the_same_in_another_order(string recipe)
    {
        var result = Merged(recipe);
        var tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output(recipe), "tokenizer.json")))!;
        var tokens = tokenizer["model"]!["vocab"]!.AsObject().ToDictionary(entry => entry.Key, entry => (int)entry.Value!);
        foreach (var token in tokenizer["added_tokens"]!.AsArray())
            tokens[(string)token!["content"]!] = (int)token["id"]!;
        int[] rows = [.. tokens.OrderBy(token => token.Key, StringComparer.Ordinal).Select(token => token.Value)];
        var digests = result.Values.Select(tensor =>
        {
            var width = tensor.Bytes.Length / Math.Max(1, (int)tensor.Shape[0]);
            byte[] content = tensor.Shape is [var count, _] && count == rows.Length
                ? [.. rows.SelectMany(row => tensor.Bytes.Skip(row * width).Take(width))]
                : tensor.Bytes;
            return $"{tensor.DType} {Convert.ToHexStringLower(SHA256.HashData(content))}";
        });
        Assert.Equal(
            Known("unordered.json")[recipe],
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', digests.Order(StringComparer.Ordinal))))));
    }

    [Theory]
    [InlineData("dare-gradient-1", 2e-7)]
    [InlineData("slerp", 1.0 / 128)]
    public void What_depends_on_the_order_of_sums_is_close(string recipe, double epsilon)
    {
        var result = Merged(recipe);
        foreach (var (name, tensor) in TestCheckpoint.Read(Path.Combine(Data, "near", recipe)))
        {
            var (expected, actual) = (tensor.Floats(), result[name].Floats());
            var largest = expected.Max(Math.Abs);
            Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 2.5 * epsilon * largest));
        }
    }

    private static Dictionary<string, string> Known(string file) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(Data, file)))!;

    private Dictionary<string, RawTensor> Merged(string recipe)
    {
        _space.Merge(Path.Combine(Data, "recipes", recipe + ".yml"), ("Compatibility", "mergekit"));
        _space.RunAll();
        return _space.Result(recipe);
    }
}
