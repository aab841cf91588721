namespace MergeTasks.Merging.Devices;

/// <summary>NVIDIA's driver, as far as choosing a device needs it.</summary>
internal interface ICudaDriver
{
    /// <summary>Counts the devices.</summary>
    CudaDevices Find();
}

/// <summary>What the driver says of its devices.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Fault">Why the driver cannot be used; <see langword="null"/> where it can.</param>
internal sealed record CudaDevices(int Count, string? Fault = null);
