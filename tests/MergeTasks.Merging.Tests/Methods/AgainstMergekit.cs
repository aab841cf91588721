using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
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
        [.. JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(Data, "equal.json")))!.Keys];

    public void Dispose() => _space.Dispose();

    [Theory]
    [MemberData(nameof(Equal))]
    public void Recipes_are_merged_to_the_last_bit(string recipe)
    {
        var expected = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(Data, "equal.json")))![recipe];
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in Merged(recipe).OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            digest.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.DType}\n"));
            digest.AppendData(tensor.Bytes);
        }

        Assert.Equal(expected, Convert.ToHexStringLower(digest.GetHashAndReset()));
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

    private Dictionary<string, RawTensor> Merged(string recipe)
    {
        _space.Merge(Path.Combine(Data, "recipes", recipe + ".yml"), ("Compatibility", "mergekit"));
        _space.RunAll();
        return _space.Result(recipe);
    }
}
