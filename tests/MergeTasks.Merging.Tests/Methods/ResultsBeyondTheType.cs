using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Merged numbers that the output's type cannot hold: one error with tensor, count and the first of them, and nothing written.
/// </summary>
public sealed class ResultsBeyondTheType : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("none")]
    [InlineData("mergekit")]
    public void Models_of_a_wider_type(string compatibility)
    {
        var values = RandomTensors.Normal(1, 4096);
        for (var i = 100; i < 484; i++)
            values[i] = i % 2 == 0 ? 70_000 : -70_000;
        Write("BF16", values, values);
        var message = Refused("linear", ("DType", "float16"), ("Compatibility", compatibility));
        Assert.Contains(
            "384 of 4096 elements of the merged tensor 'w' cannot be stored; the first, [1, 36], is ", message, StringComparison.Ordinal);
        if (compatibility == "none")
            Assert.EndsWith(
                "is 70144, and float16 holds at most 65504. Choose a DType (or out_dtype) with a wider range, such as bfloat16.",
                message,
                StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("task_arithmetic", "none")]
    [InlineData("ties", "none")]
    [InlineData("dare_linear", "none")]
    [InlineData("task_arithmetic", "mergekit")]
    public void Sums_of_changes(string method, string compatibility)
    {
        _workspace.Model("base", ("w", RawTensor.F16([64, 64], [.. Enumerable.Repeat(40_000f, 4096)])));
        _workspace.Model("a", ("w", RawTensor.F16([64, 64], [.. Enumerable.Repeat(60_000f, 4096)])));
        Assert.Contains(
            "4096 of 4096 elements", Refused(method, ("Lambda", "2"), ("Compatibility", compatibility)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_is_told_whoever_meets_it()
    {
        var values = RandomTensors.Normal(2, 600_000);
        (values[500_000], values[599_999], values[123_456]) = (1e5f, 1e5f, -2e5f);
        Write("F32", values, values);
        for (var i = 0; i < 5; i++)
            Assert.Contains(
                "3 of 600000 elements of the merged tensor 'w' cannot be stored; the first, [1929, 0], is -200000,",
                Refused("linear", ("DType", "float16")),
                StringComparison.Ordinal);
    }

    [Fact]
    public void They_are_written_where_that_is_asked_for()
    {
        Write("BF16", [70_000, 1], [70_000, 1]);
        Declare("linear", ("DType", "float16"), ("NonFinite", "keep"));
        _workspace.Run("m");
        Assert.Equal([float.PositiveInfinity, 1], _workspace.Result("m")["w"].Floats());
    }

    [Fact]
    public void An_earlier_output_stays()
    {
        Write("F32", [1, 2], [3, 4]);
        Declare("linear", ("DType", "float16"));
        _workspace.Run("m");
        var before = FolderContent.Of(_workspace.Output("m"));
        Write("F32", [1, 2], [3, 4e6f]);
        _workspace.Clear();
        Refused("linear", ("DType", "float16"));
        Assert.Equal(before, FolderContent.Of(_workspace.Output("m")));
    }

    private void Write(string dtype, float[] basis, float[] other)
    {
        foreach (var (name, values) in new[] { ("base", basis), ("a", other) })
        {
            long[] shape = values.Length % 64 == 0 && values.Length < 600_000 ? [values.Length / 64, 64]
                : values.Length == 600_000 ? [9375, 64]
                : [values.Length];
            _workspace.Model(name, ("w", dtype == "BF16" ? RawTensor.BF16(shape, values) : RawTensor.F32(shape, values)));
        }
    }

    private string Refused(string method, params (string Name, string Value)[] metadata)
    {
        _workspace.Clear();
        Declare(method, metadata);
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _workspace.Run("m")).Diagnostics);
        Assert.Equal(DiagnosticCode.ResultRange, diagnostic.Code);
        Assert.DoesNotContain(FolderContent.Of(_workspace.Output("m")).Keys, name => name.StartsWith(".partial", StringComparison.Ordinal));
        return diagnostic.Message;
    }

    private void Declare(string method, params (string Name, string Value)[] metadata)
    {
        _workspace.Merge(
            "m",
            [
                ("Method", method),
                .. method == "linear" ? [] : new[] { ("Base", "models/base") },
                .. metadata.Where(pair => pair.Value != "none")
            ]);
        if (method == "linear")
            _workspace.Source("models/base", ("Weight", "1"));
        _workspace.Source("models/a", ("Weight", "1"));
    }
}
