using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Interrupted;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>Methods of other assemblies, as projects name them.</summary>
public sealed class MethodAssemblies : IDisposable
{
    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    // What is planned is what was read: not another content that came in between, and nothing is read twice.
    [Fact]
    public void Are_read_once_by_declarations_and_plan_together()
    {
        var path = Path.Combine(_space.Folder, "methods.dll");
        File.Copy(CrashingProcess.HostPath(), path);
        _space.Model("a", ("w", RawTensor.F32([2], 1, -3)));
        _space.Methods.Add(path);
        _space.Merge("m", ("Method", "halves"));
        _space.Source("models/a");
        var build = _space.Build();
        File.Delete(path);
        Assert.Equal("halves", Assert.Single(build.Plan(default)).Plan.Method.Name);
        build.Run("m", _space.LockFile("m"), MergeProgress.None, default);
        Assert.Equal(RawTensor.F32([2], 0.5f, -1.5f).Bytes, TestCheckpoint.Read(_space.Output("m"))["w"].Bytes);

        // Who reads anew finds that it is gone.
        var diagnostic = Assert.Throws<DiagnosticException>(() => _space.Build()).Diagnostics[0];
        Assert.Equal(("MTK1013", true), (diagnostic.Code, diagnostic.Message.Contains(path, StringComparison.Ordinal)));
    }
}
