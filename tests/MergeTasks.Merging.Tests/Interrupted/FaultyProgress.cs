using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Tests.Interrupted;

/// <summary>Does something at the n-th block written or the n-th file published.</summary>
internal sealed class FaultyProgress(int atBlock, int atFile, Action act) : MergeProgress
{
    private int _blocks;
    private int _files;

    public bool Happened { get; private set; }

    public bool WasToldToWait { get; private set; }

    public override void Waiting() => WasToldToWait = true;

    public override void Written(int bytes)
    {
        if (Interlocked.Increment(ref _blocks) == atBlock)
            Act();
    }

    public override void Publishing(string path)
    {
        if (Interlocked.Increment(ref _files) == atFile)
            Act();
    }

    private void Act()
    {
        Happened = true;
        act();
    }
}
