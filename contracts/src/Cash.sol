// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Account} from "./Account.sol";
import {Authorizations} from "./Authorizations.sol";
import {Documents} from "./Documents.sol";
import {IMovements} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";
import {Office} from "./Office.sol";
import {Payments} from "./Payments.sol";
import {Settlements} from "./Settlements.sol";

/// @title The ledger of one currency. See `ICash` for what it promises.
/// @dev What moves money is here; every other call goes to the `Office`, which works on this contract's storage. No storage
/// is declared here: all of it is `Ledger`'s.
contract Cash is IMovements, Payments, Settlements, Authorizations {
    address private immutable _office;

    /// @param currencyCode ISO 4217, such as EUR
    /// @param admin grants roles and sets quotas; holds no role itself
    /// @param adminDelay seconds between the two steps of handing over the admin
    constructor(string memory currencyCode, address admin, uint48 adminDelay) Ledger(currencyCode) {
        _office = address(new Office(currencyCode));
        Address.functionDelegateCall(_office, abi.encodeCall(Office.open, (admin, adminDelay)));
    }

    /// Calls that are not answered here are the office's, whose address is fixed for good. Assembly: Solidity cannot hand on
    /// an answer of any length. Memory-safe: writes beyond the memory in use.
    fallback() external {
        address office = _office;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), office, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(success) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    // ------------------------------------------------------------------------------------------------ ERC-20

    function name() external view returns (string memory) {
        return _EIP712Name();
    }

    function symbol() external view returns (string memory) {
        return string.concat("c", ShortStrings.toString(_currency));
    }

    function decimals() external pure returns (uint8) {
        return 6;
    }

    function totalSupply() external view returns (uint256) {
        return _supply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _holdings[account].account.balance();
    }

    function transfer(address to, uint256 value) external whenMovable returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external whenMovable returns (bool) {
        if (from == address(0)) revert ERC20InvalidSender(from);
        uint256 available = _allowances[from][msg.sender];
        if (available == type(uint256).max) {
            _move(from, to, value);
            return true;
        }
        if (value > available) revert ERC20InsufficientAllowance(msg.sender, available, value);
        unchecked {
            _allowances[from][msg.sender] = available - value;
        }
        _move(from, to, value);
        emit AllowanceSpent(msg.sender);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        emit Approved();
        return true;
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowances[owner][spender];
    }

    // ------------------------------------------------------------------------------------------------ ERC-2612

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), v, r, s);
        _usePermit(owner, spender, value);
    }

    /// @inheritdoc IMovements
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), signature);
        _usePermit(owner, spender, value);
    }

    /// The struct hash of the owner's next permit. ERC-2612: good while `block.timestamp <= deadline`.
    function _permitHash(address owner, address spender, uint256 value, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        return Documents.permit(owner, spender, value, _holdings[owner].account.permitNonce(), deadline);
    }

    function _usePermit(address owner, address spender, uint256 value) private {
        Holding storage holding = _holdings[owner];
        Account account = holding.account;
        uint256 nonce = account.permitNonce();
        if (nonce == type(uint32).max) revert PermitNoncesExhausted(owner);
        holding.account = account.withNextPermitNonce();
        _approve(owner, spender, value);
    }

    function _approve(address owner, address spender, uint256 value) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _allowances[owner][spender] = value;
        emit Approval(owner, spender, value);
    }

    function nonces(address owner) external view returns (uint256) {
        return _holdings[owner].account.permitNonce();
    }

    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }
}
