namespace MergeTasks.Merging.Execution;

/// <summary>Hears of a merge's progress; the methods may be called from any thread.</summary>
public class MergeProgress
{
    /// <summary>Hears nothing.</summary>
    public static readonly MergeProgress None = new();

    /// <summary>Another build is making the same output; this one waits for it.</summary>
    public virtual void Waiting()
    {
    }

    /// <summary>Writing begins.</summary>
    /// <param name="bytes">Bytes to be written in all.</param>
    public virtual void Starting(long bytes)
    {
    }

    /// <summary>A block reached the disk.</summary>
    public virtual void Written(int bytes)
    {
    }

    /// <summary>A finished file is about to get its final name.</summary>
    public virtual void Publishing(string path)
    {
    }
}
