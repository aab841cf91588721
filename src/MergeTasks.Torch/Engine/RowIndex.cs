namespace MergeTasks.Torch.Engine;

/// <summary>Numbers of rows, on a device.</summary>
internal static class RowIndex
{
    /// <summary>The numbers as the library indexes with.</summary>
    public static Tensor Of(int[] rows, Device device) => tensor(Array.ConvertAll(rows, row => (long)row), device: device);
}
