#if WITH_TORCH
using MergeTasks.Numerics.Algebra;
using MergeTasks.TestSupport;
using MergeTasks.Torch.Arithmetic;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>TorchSharp's arithmetic in a whole merge beside the processor's, and when it has to give up.</summary>
public sealed class TorchArithmetic : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void A_whole_merge_differs_by_rounding_alone()
    {
        foreach (var (seed, model) in new[] { (1, "base"), (2, "a"), (3, "b") })
            _workspace.Model(model, ("w", RandomTensors.F32(seed, 2, 256, 290)));
        _workspace.Merge("m", ("Method", "tsv"), ("Base", "models/base"));
        _workspace.Source("models/a");
        _workspace.Source("models/b");
        _workspace.Run("m");
        var expected = _workspace.Result("m")["w"].Floats();

        var told = new List<string>();
        _workspace.MatrixDevice = new TorchMatrixDevice(new DeviceOptions { Threads = 2, Told = told.Add });
        Assert.False(_workspace.State("m").IsFresh);
        _workspace.Run("m");
        var actual = _workspace.Result("m")["w"].Floats();
        Assert.Empty(told);
        var largest = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-6f * largest));
    }

    [Fact]
    public void What_cannot_be_allocated_is_told_apart_from_other_faults()
    {
        // More bytes than a process has addresses.
        const int length = 1 << 23;
        using var arithmetic = new TorchMatrices(new DeviceOptions(), CancellationToken.None);
        using var vector = arithmetic.Load(new float[length], length, 1);
        Assert.Equal(
            DeviceRefusal.Memory, Assert.Throws<DeviceRefusalException>(() => arithmetic.Product(vector, vector, transposeB: true)).Why);
        Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => arithmetic.Product(vector, vector));
    }

    [Fact]
    public void Memory_is_short_is_told_once()
    {
        var told = new List<string>();
        var device = new TorchMatrixDevice(new DeviceOptions { Told = told.Add });
        device.TellThatProcessorMerges("model.embed_tokens.weight", DeviceRefusal.Memory);
        device.TellThatProcessorMerges("lm_head.weight", DeviceRefusal.Memory);
        Assert.Contains("'model.embed_tokens.weight'", Assert.Single(told), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_that_does_not_converge_leaves_the_tensor_to_the_processor_and_that_is_told_once(bool isReported)
    {
        string[] names = ["v", "w"];
        foreach (var (seed, model) in new[] { (1, "base"), (2, "a"), (3, "b") })
            _workspace.Model(model, [.. names.Select((name, i) => (name, RandomTensors.F32(10 * i + seed, 256, 290)))]);
        _workspace.Merge("m", ("Method", "tsv"), ("Base", "models/base"));
        _workspace.Source("models/a");
        _workspace.Source("models/b");
        _workspace.Run("m");
        var expected = names.Select(name => _workspace.Result("m")[name].Floats()).ToArray();

        // The library's own words, and its own silence: its search for singular values reports what is no number, that for eigenvalues does
        // not.
        var told = new List<string>();
        _workspace.MatrixDevice = new TorchMatrixDevice(new DeviceOptions { Threads = 2, Told = told.Add })
        {
            Search = symmetric =>
            {
                if (isReported)
                    TorchSharp.torch.linalg.svd(symmetric * double.NaN);
                return TorchSharp.torch.linalg.eigh(symmetric * double.NaN);
            },
        };
        _workspace.Run("m");
        Assert.Equal(expected, names.Select(name => _workspace.Result("m")[name].Floats()).ToArray());
        Assert.Contains("does not converge", Assert.Single(told), StringComparison.Ordinal);
    }

    [Fact]
    public void Work_ends_when_it_is_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        using var arithmetic = new TorchMatrices(new DeviceOptions(), cancellation.Token);
        using var matrix = arithmetic.Load(Arithmetics.Random(1, 4, 4), 4, 4);
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => arithmetic.Gram(matrix, ofRows: true));
    }
}
#endif
