using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>Which tensors are merged on a device, that their keys say so, and what happens where it is too small.</summary>
public sealed class MatrixDevices : IDisposable
{
    private static readonly string[] OnDevice = ["large", "stack"];

    private readonly MergeWorkspace _workspace = new();

    public MatrixDevices()
    {
        foreach (var (seed, model) in new[] { (1, "base"), (2, "a"), (3, "b") })
        {
            _workspace.Model(model, ("large", RandomTensors.F32(seed, 256, 300)), ("stack", RandomTensors.F32(seed + 10, 2, 260, 256)),
                ("small", RandomTensors.F32(seed + 20, 255, 300)), ("vector", RandomTensors.F32(seed + 30, 300)));
        }
    }

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void Large_matrices_go_there_and_their_keys_say_so()
    {
        Declare("tsv");
        _workspace.Run("m");
        Assert.True(_workspace.State("m").IsFresh);
        var processor = Keys();
        var bytes = FolderContent.Of(_workspace.Output("m"))["model.safetensors"];

        var device = new StandInMatrices("stand-in 1");
        _workspace.MatrixDevice = device;
        Assert.Equal(OnDevice, Changed(processor));
        _workspace.Run("m");
        Assert.Equal((2, 0), (device.Begun, device.Held));
        Assert.Equal(bytes, FolderContent.Of(_workspace.Output("m"))["model.safetensors"]);
        Assert.True(_workspace.State("m").IsFresh);

        // Another version of its arithmetic is another device.
        var first = Keys();
        _workspace.MatrixDevice = new StandInMatrices("stand-in 2");
        Assert.Equal(OnDevice, Changed(first));
        Assert.Equal(["the arithmetic on whole matrices changed (from stand-in 1 to stand-in 2)"], _workspace.State("m").Reasons);
        _workspace.MatrixDevice = null;
        Assert.Equal(["the arithmetic on whole matrices changed (from stand-in 1 to the processor's)"], _workspace.State("m").Reasons);
    }

    [Fact]
    public void What_does_not_fit_is_merged_on_the_processor()
    {
        Declare("tsv");
        _workspace.Run("m");
        var bytes = FolderContent.Of(_workspace.Output("m"))["model.safetensors"];
        var device = new StandInMatrices("stand-in", products: 3);
        _workspace.MatrixDevice = device;
        _workspace.Run("m");
        Assert.Equal(OnDevice, device.Short.Order());
        Assert.Equal(0, device.Held);
        Assert.Equal(bytes, FolderContent.Of(_workspace.Output("m"))["model.safetensors"]);
    }

    [Theory]
    [InlineData("widen")]
    [InlineData("karcher")]
    [InlineData("linear")]
    public void Methods_that_do_little_with_each_element_stay_on_the_processor(string method)
    {
        Declare(method);
        var before = Keys();
        _workspace.MatrixDevice = new StandInMatrices("stand-in");
        Assert.Empty(Changed(before));
    }

    private void Declare(string method)
    {
        _workspace.Merge("m", method == "linear" ? [("Method", method), ("Weight", "0.5")] : [("Method", method), ("Base", "models/base")]);
        _workspace.Source("models/a");
        _workspace.Source("models/b");
    }

    private Dictionary<string, string> Keys() =>
        _workspace.State("m").Plan.Tensors.ToDictionary(tensor => tensor.Output.Name, tensor => tensor.Key.ToString()!);

    private IEnumerable<string> Changed(Dictionary<string, string> before) =>
        Keys().Where(pair => before[pair.Key] != pair.Value).Select(pair => pair.Key).Order();
}
