using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>NaN and infinity in the inputs: one error that names the first one, or kept where that is asked for.</summary>
public sealed class NonFiniteInputs : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    public static TheoryData<string> Methods() =>
        [
            .. MergeMethods.All
                .Where(method => !method.MakesAdapter && method.Statistic == ModelStatistic.None)
                .Select(method => method.Name)
        ];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_refuses_them_and_writes_nothing(string name)
    {
        Write("F32", float.NaN);
        Declare(name);
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _workspace.Run("m")).Diagnostics);
        Assert.Equal(DiagnosticCode.NonFiniteInput, diagnostic.Code);
        Assert.Contains("tensor 'w' of 'models/a' holds NaN at [2, 0]", diagnostic.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_workspace.Output("m")) && Directory.EnumerateFiles(_workspace.Output("m")).Any());
    }

    [Theory]
    [InlineData("F32", float.PositiveInfinity, "infinity")]
    [InlineData("BF16", float.NegativeInfinity, "−infinity")]
    [InlineData("F16", 1e6f, "infinity")]
    public void Values_beyond_the_type_are_told(string dtype, float value, string told)
    {
        Write(dtype, value);
        Declare("linear");
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _workspace.Run("m")).Diagnostics);
        Assert.Contains($"holds {told} at", diagnostic.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void They_are_kept_where_that_is_asked_for(string name)
    {
        Write("F32", float.NaN);
        Declare(name, ("NonFinite", "keep"));
        _workspace.Run("m");
        Assert.Equal(6_000, _workspace.Result("m")["w"].Floats().Length);
        Assert.True(_workspace.State("m").IsFresh);

        // Asking again for the error is a change, although the inputs are the same.
        _workspace.Clear();
        Declare(name);
        Assert.False(_workspace.State("m").IsFresh);
        if (name == "linear")
            Assert.Equal([10, 4_000], Enumerable.Range(0, 6_000).Where(i => float.IsNaN(_workspace.Result("m")["w"].Floats()[i])));
    }

    [Fact]
    public void The_option_is_checked()
    {
        Write("F32", 1);
        Declare("linear", ("NonFinite", "ignore"));
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(_workspace.Declarations).Diagnostics);
        Assert.Equal(
            (DiagnosticCode.InvalidValue, true),
            (diagnostic.Code, diagnostic.Message.Contains("Valid: error, keep", StringComparison.Ordinal)));
    }

    // The last model has one too, further on, which another thread may meet first.
    private void Write(string dtype, float value)
    {
        foreach (var (seed, name) in new[] { "base", "a", "b", "c" }.Index())
        {
            var values = RandomTensors.Normal(seed, 6_000);
            if (name == "a")
                values[4_000] = value;
            if (name == "c")
                values[10] = value;
            long[] shape = [3, 2_000];
            _workspace.Model(
                name,
                ("w",
                    dtype switch
                    {
                        "F32" => RawTensor.F32(shape, values),
                        "F16" => RawTensor.F16(shape, values),
                        _ => Infinite(shape, values)
                    }));
        }
    }

    private static RawTensor Infinite(long[] shape, float[] values) =>
        RawTensor.BF16(shape, values) with
        {
            Bytes = [.. values.SelectMany(value => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))]
        };

    private void Declare(string name, params (string Name, string Value)[] metadata)
    {
        var method = MergeMethods.Find(name)!;
        bool Needs(string parameter) => method.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);
        _workspace.Merge(
            "m",
            [("Method", name), ("Base", "models/base"), .. Needs("t") ? [("T", "0.5")] : Array.Empty<(string, string)>(), .. metadata]);
        foreach (var model in new[] { "a", "b", "c" }.Take(method.MaxModels))
            _workspace.Source("models/" + model, Needs("weight") ? [("Weight", "0.5")] : []);
    }
}
