using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>Where every tensor depends on all of them, a change of one makes all stale; elsewhere only that one.</summary>
public sealed class WholeModelKeys : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("pcb", 2)]
    [InlineData("sce", 1)]
    public void A_change_concerns(string method, int changed)
    {
        var first = RandomTensors.F32(1, 30, 40);
        _workspace.Model("base", ("u", RandomTensors.F32(2, 30, 40)), ("v", RandomTensors.F32(3, 70)));
        _workspace.Model("a", ("u", first), ("v", RandomTensors.F32(4, 70)));
        _workspace.Merge("m", ("Method", method), ("Base", "models/base"));
        _workspace.Source("models/a");
        var before = _workspace.State("m").Plan.Tensors.Select(tensor => tensor.Key).ToList();
        _workspace.Model("a", ("u", RandomTensors.Changed(first)), ("v", RandomTensors.F32(4, 70)));
        var after = _workspace.State("m").Plan.Tensors.Select(tensor => tensor.Key).ToList();
        Assert.Equal(changed, before.Zip(after, (a, b) => a != b).Count(differs => differs));
    }

    [Fact]
    public void A_share_that_differs_from_tensor_to_tensor_is_refused()
    {
        _workspace.Model("base", ("model.layers.0.u", RandomTensors.F32(2, 30, 40)), ("model.layers.1.u", RandomTensors.F32(3, 30, 40)));
        _workspace.Model("a", ("model.layers.0.u", RandomTensors.F32(4, 30, 40)), ("model.layers.1.u", RandomTensors.F32(5, 30, 40)));
        _workspace.Merge("m", ("Method", "pcb"), ("Base", "models/base"), ("Ratio", "[0.1, 0.2]"));
        _workspace.Source("models/a");
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _workspace.Plan()).Diagnostics);
        Assert.Equal(DiagnosticCode.InvalidValue, diagnostic.Code);
    }
}
