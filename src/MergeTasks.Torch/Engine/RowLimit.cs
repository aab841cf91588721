namespace MergeTasks.Torch.Engine;

/// <summary>How many rows run at once; lowered where memory does not hold them.</summary>
internal sealed class RowLimit(int most)
{
    /// <summary>Most rows.</summary>
    public int Most { get; set; } = most;
}
